// Package refine is what "mgd3 refine" does beside package distill: the images of any finished set become modes of
// their own (distill.OwnModes), whose noised latents are denoised back and decoded (PReDD; with a pull to the latent
// itself DIVER, arXiv:2605.12649). Collages, images of n × n smaller ones, are cut before and joined after.
//
//	any set ──Cut──▶ its pieces ──distill.Run──▶ OUT/images ──Join──▶ OUT/collages
package refine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/modes"
	"mgd3/stage/atomicfile"
)

// Settings returns the settings that refine a set: modes of their own, as many as its largest class has images. From
// counts the last steps that are taken; 0 takes none, so that an image is only encoded and decoded.
func Settings(s distill.Settings, set *dataset.Set) (distill.Settings, error) {
	s.Modes = distill.ModeSettings{Method: distill.OwnModes, Short: modes.ShortError}
	for _, class := range set.Classes {
		if len(class.Images) == 0 {
			return s, fmt.Errorf("class %q has no images to refine", class.Name)
		}
		s.Modes.IPC = max(s.Modes.IPC, len(class.Images))
	}
	if s.Sample.From < 0 {
		return s, fmt.Errorf("from is %d, want at least 0", s.Sample.From)
	}
	if s.Sample.From == 0 {
		s.Sample.From = -1
	}
	return s, nil
}

// piece names the k-th piece of an image; pieces sort behind each other up to 100 × 100.
func piece(name string, k int) string { return fmt.Sprintf("%s#%04d", name, k) }

// Cut returns the set of the n × n pieces of each image, row by row. An image whose sides are no multiples of n becomes
// an error when it is read.
func Cut(of *dataset.Set, n int) *dataset.Set {
	whole := map[string]dataset.Ref{}
	var classes []dataset.Class
	for _, class := range of.Classes {
		cut := dataset.Class{Name: class.Name}
		for _, ref := range class.Images {
			whole[class.Name+"/"+ref.Name] = ref
			for k := range n * n {
				cut.Images = append(cut.Images, dataset.Ref{Class: class.Name, Name: piece(ref.Name, k)})
			}
		}
		classes = append(classes, cut)
	}
	return dataset.FromFunc("the pieces", classes, func(ref dataset.Ref) ([]byte, error) {
		at := strings.LastIndex(ref.Name, "#")
		k, err := strconv.Atoi(ref.Name[at+1:])
		if err != nil {
			return nil, err
		}
		for sample := range of.Load(context.Background(), []dataset.Ref{whole[ref.Class+"/"+ref.Name[:at]]},
			dataset.LoadOptions{}) {
			if sample.Err != nil {
				return nil, sample.Err
			}
			return cutOut(sample.Image, n, k)
		}
		return nil, errors.New("it could not be read")
	})
}

// cutOut returns the k-th piece as a PNG.
func cutOut(im *dataset.RGB, n, k int) ([]byte, error) {
	w, h := im.W/n, im.H/n
	if w*n != im.W || h*n != im.H || w == 0 || h == 0 {
		return nil, fmt.Errorf("an image of %d × %d pixels cannot be cut into %d × %d equal pieces", im.W, im.H, n, n)
	}
	cut := &dataset.RGB{W: w, H: h}
	for y := range h {
		from := 3 * ((k/n*h+y)*im.W + k%n*w)
		cut.Pix = append(cut.Pix, im.Pix[from:from+3*w]...)
	}
	var png bytes.Buffer
	err := dataset.WritePNG(&png, cut)
	return png.Bytes(), err
}

// CollagesDir is the folder of the images that Join writes.
func CollagesDir(out string) string { return filepath.Join(out, "collages") }

// Join writes every n × n images of a run, in their order, as one: OUT/collages/CLASS/0000.png.
func Join(ctx context.Context, out string, n int, m *distill.Manifest) error {
	for _, class := range m.Classes {
		if len(class.Images)%(n*n) != 0 {
			return fmt.Errorf("class %q has %d pieces, want a multiple of %d", class.Name, len(class.Images), n*n)
		}
		for i := 0; i < len(class.Images); i += n * n {
			if err := ctx.Err(); err != nil {
				return err
			}
			png, err := joined(out, n, class.Images[i:i+n*n])
			if err != nil {
				return fmt.Errorf("class %q: %w", class.Name, err)
			}
			file := filepath.Join(CollagesDir(out), class.Name, fmt.Sprintf("%04d.png", i/(n*n)))
			if err := atomicfile.WriteBytes(file, png); err != nil {
				return err
			}
		}
	}
	return nil
}

func joined(out string, n int, pieces []distill.ManifestImage) ([]byte, error) {
	var whole *dataset.RGB
	for k, piece := range pieces {
		path, err := piece.Path(out)
		if err != nil {
			return nil, err
		}
		data, err := atomicfile.Read(path, 1<<30)
		if err != nil {
			return nil, err
		}
		im, err := dataset.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", path, err)
		}
		if whole == nil {
			whole = &dataset.RGB{W: n * im.W, H: n * im.H, Pix: make([]byte, 3*n*n*im.W*im.H)}
		}
		for y := range im.H {
			copy(whole.Pix[3*((k/n*im.H+y)*whole.W+k%n*im.W):], im.Pix[3*y*im.W:3*(y+1)*im.W])
		}
	}
	var png bytes.Buffer
	err := dataset.WritePNG(&png, whole)
	return png.Bytes(), err
}
