package dataset_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/dataset"
)

// Read a set from a zip, without unpacking it: its classes, and one image.
func ExampleOpen_zip() {
	dir, err := os.MkdirTemp("", "dataset")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "animals.zip")
	if err := zipOf(path, "train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "test/cat/9.png"); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	set, err := dataset.Open(ctx, path, dataset.OpenOptions{Split: "train"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	for _, class := range set.Classes {
		fmt.Println(class.Name, "has", len(class.Images))
	}
	file, err := set.Read(set.Classes[1].Images[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	im, err := dataset.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a dog of", im.W, "×", im.H, "pixels")
	// Output:
	// cat has 1
	// dog has 2
	// a dog of 12 × 9 pixels
}

// zipOf writes a zip of black images of 12 × 9 pixels.
func zipOf(path string, names ...string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(out)
	for _, name := range names {
		var image bytes.Buffer
		err = errors.Join(err, dataset.WritePNG(&image, &dataset.RGB{W: 12, H: 9, Pix: make([]uint8, 3*12*9)}))
		file, errFile := archive.Create(name)
		if err = errors.Join(err, errFile); err != nil {
			break
		}
		_, err = file.Write(image.Bytes())
	}
	return errors.Join(err, archive.Close(), out.Close())
}
