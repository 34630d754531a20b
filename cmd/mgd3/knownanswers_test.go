package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// sixImages is "siximages DIR NAME NAME NAME": the six images of the published fixtures as PNG files, two of each
// class, by the formula of tensorset/testdata/make.py and so without any reader of tensors.
func sixImages(ts *testscript.TestScript, _ bool, args []string) {
	const side, each = 8, 2
	for c, class := range args[1:] {
		dir := filepath.Join(ts.MkAbs(args[0]), class)
		ts.Check(os.MkdirAll(dir, 0o777))
		for n := range each {
			im := image.NewRGBA(image.Rect(0, 0, side, side))
			for i := range side * side {
				x, y := i%side, i/side
				at := func(channel int) byte { return byte(37*(each*c+n) + 91*channel + 13*y*y + 29*x + 7*x*y) }
				im.SetRGBA(x, y, color.RGBA{at(0), at(1), at(2), 0xff})
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.png", n)))
			ts.Check(err)
			ts.Check(png.Encode(f, im))
			ts.Check(f.Close())
		}
	}
}

// knownForms are the published forms of the six images, in the folders that a script has them in.
var knownForms = []string{
	"published/res_DM_CIFAR10_ConvNet_2ipc.pt", "published/mtt", "published/mtt/images_best.pt", "published/edf",
	"published/data_best.pt", "published/uint8.pt", "published/strides.pt", "published/nhwc.pt", "published/module.pt",
	"published/five.pt", "published/signed_onehot.pt", "published/old.pt", "published/protocol4.pt",
	"published/cuda.pt", "published/plain.npz", "published/packed.npz", "published/npy", "published/numpy.pt",
	"published/numpy5.pt", "published/numpy_old.pth", "published/fortran", "published/beside.npz", "published/onitsway",
	"published/plain.safetensors", "published/named.pt", "published/heldout.pt", "published/boolean.pt",
	"published/pylist.pt", "published/big", "published/items.pt", "published/dicts.pt", "published/singles.pt",
	"published/classes.pt", "published/array3d", "published/lists", "published/sequence.parquet",
	"published/planes.parquet", "published/pixels", "sre2l", "numbers", "webdataset", "parquet", "classtars",
}

// TestKnownAnswers: a network that is trained on a published form has the very weights of one trained on the same
// images in a folder; of sets with soft labels, those of the other forms with the same labels.
func TestKnownAnswers(t *testing.T) {
	script := `
copypublished published
tinyimages real 6
siximages six cat dog owl
siximages sre2l new000 new001 new002
siximages numbers 0 1 2
mkdir webdataset parquet classtars
packimages six webdataset webdataset/train.tar
packimages six parquet parquet/train.parquet
packimages six classtars classtars
`
	judge := func(set, protocol, out string) string {
		return fmt.Sprintf("mgd3 --json --quiet evaluate --train a=%s --test real --test-split train --net convnet1 "+
			"--protocol %s --epochs 2\nweightsof stdout %s\n", set, protocol, out)
	}
	script += judge("six", "quick", "six.txt")
	for _, form := range knownForms {
		script += fmt.Sprintf("\n# %s\n%scmp other.txt six.txt\n", form, judge(form, "quick", "other.txt"))
	}
	script += "\n# soft labels\n" + judge("six", "dsa", "hard.txt") + judge("published/datm", "dsa", "soft.txt") +
		"! cmp soft.txt hard.txt\n"
	for _, form := range []string{"published/shares", "published/ddranking", "published/logits"} {
		script += judge(form, "dsa", "other.txt") + "cmp other.txt soft.txt\n"
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "knownanswers.txtar"), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, Cmds: scriptCommands})
}

// TestKnownForms: no published form is left out of TestKnownAnswers but by a reason.
func TestKnownForms(t *testing.T) {
	others := map[string]string{
		"datm": "soft labels", "shares": "soft labels", "ddranking": "soft labels",
		"logits":                         "soft labels",
		"zca":                            "other images",
		"named.npz":                      "a class that the test set has not",
		"res_DC_CIFAR10_ConvNet_wild.pt": "other images",
		"half_CIFAR10.pt":                "16 bits: near the images, not equal",
		"half.parquet":                   "16 bits: near the images, not equal",
		"zca_golden.pt":                  "what a reader must give", "collage_golden.pt": "what a reader must give",
		"zca_bytes.pt": "other images",
		"make.py":      "writes them", "make_parquet.py": "writes them",
		"index.pt": "refused", "features.pt": "refused", "alone.pt": "refused", "dataset.pt": "refused",
		"int8.pt": "refused", "centred.pt": "refused", "dict.npy": "refused", "dict.npz": "refused",
		"float8.pt": "refused", "network.pth": "refused", "objects.npz": "refused", "sparse.pt": "refused",
	}
	files, err := os.ReadDir(published)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		judged := strings.Contains(strings.Join(knownForms, " ")+" ", "published/"+file.Name()+" ")
		if _, ok := others[file.Name()]; ok == judged {
			t.Errorf("%q: judged %v, left out %v", file.Name(), judged, ok)
		}
	}
}
