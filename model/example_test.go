package model_test

import (
	"context"
	"fmt"
	"log"

	"mgd3/engine"
	glyphs "mgd3/glyphs/model"
	"mgd3/model"
)

// The model in the program; model.Disk("pets-model") is one on disk.
func ExampleNetworks() {
	e, err := engine.Open("cpu")
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	n := model.Networks{Model: model.Folder{FS: glyphs.Files, Path: "."}}
	autoencoder, err := n.OpenAutoencoder(context.Background(), e)
	if err != nil {
		log.Fatal(err)
	}
	size, err := n.Size(autoencoder)
	if err != nil {
		log.Fatal(err)
	}
	names, err := n.ClassNames()
	fmt.Println(size, "pixels, classes", names, err)
	// Output: 32 pixels, classes [A B C D E F G H I J] <nil>
}
