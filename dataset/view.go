package dataset

import "bytes"

// View returns the set of those images of another one that classes names, as they come from its Load with options:
// cropped, say, or mirrored. They are decoded when they are asked for. Who asks for a file of them gets a PNG. The
// other set must stay open. name stands for the view in messages.
func View(name string, of *Set, classes []Class, o LoadOptions) *Set {
	return &Set{Classes: classes, path: name, src: view{of, o}}
}

type view struct {
	of *Set
	o  LoadOptions
}

// image returns the image of ref, which its own Load still turns into what is asked for there.
func (v view) image(ref Ref) Sample { return v.of.load(ref, v.o) }

func (v view) read(_ string, ref Ref) ([]byte, error) {
	sample := v.image(ref)
	if sample.Err != nil {
		return nil, sample.Err
	}
	var file bytes.Buffer
	err := WritePNG(&file, sample.Image)
	return file.Bytes(), err
}

func (view) Close() error { return nil }
