package tensorset

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/store"
	"mgd3/weights"
)

var names = []string{"cat", "dog", "fox"}

// levels are the bytes [H, W, 3] of image i of all fixtures; see testdata/make.py.
func levels(i int) []byte {
	var pix []byte
	for y := range 8 {
		for x := range 8 {
			for c := range 3 {
				pix = append(pix, byte((37*i+91*c+13*y*y+29*x+7*x*y)%256))
			}
		}
	}
	return pix
}

// load returns all images of a set.
func load(t *testing.T, s *Set) (images []*dataset.RGB) {
	t.Helper()
	for _, class := range s.Images.Classes {
		for sample := range s.Images.Load(t.Context(), class.Images, dataset.LoadOptions{}) {
			if sample.Err != nil {
				t.Fatal(sample.Err)
			}
			images = append(images, sample.Image)
		}
	}
	return images
}

// TestPublished: every form gives the same six images of bytes, whatever their numbers are, and says what it took, on a
// disk and in a bucket.
func TestPublished(t *testing.T) {
	bucket := bucket(t)
	for _, c := range []struct {
		path   string
		pixels Pixels
		note   string // a part of what is said
	}{
		{"res_DM_CIFAR10_ConvNet_2ipc.pt", CIFAR10, "holds 2 sets"},
		{"mtt", CIFAR10, "levels of 8 bits"},
		{"mtt/images_best.pt", CIFAR10, "levels of 8 bits"},
		{"datm", ImageNet, "taken for logits"},
		{"edf", CIFAR10, "levels of 8 bits"},
		{"shares", CIFAR10, "shares of 3 classes"},
		{"data_best.pt", Unit, "from 0 to 1"},
		{"uint8.pt", Uint8, "whole numbers"},
		{"half_CIFAR10.pt", CIFAR10, "levels of 8 bits"},
		{"strides.pt", Unit, "from 0 to 1"},
		{"nhwc.pt", Unit, "the channels come last"},
		{"module.pt", Unit, "from 0 to 1"},
		{"five.pt", Unit, "no labels"},
		{"signed_onehot.pt", Signed, "one-hot"},
		{"old.pt", Unit, "from 0 to 1"},
		{"protocol4.pt", Unit, "from 0 to 1"},
		{"cuda.pt", Unit, "from 0 to 1"},
		{"plain.npz", Uint8, "whole numbers"},
		{"packed.npz", Uint8, "the channels come last"},
		{"npy", Unit, "from 0 to 1"},
		{"numpy.pt", Unit, "from 0 to 1"},
		{"numpy5.pt", Uint8, "whole numbers"},
		{"numpy_old.pth", Unit, "from 0 to 1"},
		{"fortran", Unit, "from 0 to 1"},
		{"beside.npz", Uint8, `"about" in it is left`},
		{"ddranking", CIFAR10, "shares of 3 classes"},
		{"onitsway", Unit, "from 0 to 1"},
		{"plain.safetensors", Unit, "from 0 to 1"},
		{"named.pt", Unit, "from 0 to 1"},
		{"heldout.pt", Unit, `"images_train" is taken, and "images_test" beside it is not`},
		{"boolean.pt", Unit, "one-hot"},
		{"pylist.pt", Unit, "from 0 to 1"},
		{"big", Unit, "from 0 to 1"},
		{"items.pt", Unit, "from 0 to 1"},
		{"dicts.pt", Unit, "from 0 to 1"},
		{"singles.pt", Unit, "from 0 to 1"},
		{"classes.pt", Unit, "the numbers 0 to 2 of a dict are taken for the classes"},
	} {
		for where, path := range map[string]string{"disk": filepath.Join("testdata", filepath.FromSlash(c.path)),
			"bucket": bucket.Path(c.path)} {
			t.Run(where+"/"+c.path, func(t *testing.T) {
				if tensors, err := Is(path, ""); err != nil || !tensors {
					t.Fatal("is not known for a set of tensors")
				}
				s, err := Open(t.Context(), path, Options{Names: names})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Images.Close()
				if s.Pixels != c.pixels || !slices.Equal(s.Images.ClassNames(), names) {
					t.Errorf("got %s, classes %q; want %s, %q", s.Pixels, s.Images.ClassNames(), c.pixels, names)
				}
				if said := strings.Join(s.Notes, "\n"); !strings.Contains(said, c.note) {
					t.Errorf("said %q, want %q in it", said, c.note)
				}
				for i, im := range load(t, s) {
					// numbers of 16 bits are no levels to a hundredth, but to the nearest one
					if !bytes.Equal(im.Pix, levels(i)) || im.Values != nil && !strings.HasPrefix(c.path, "half") {
						t.Errorf("image %d has other bytes, or values beside them", i)
					}
				}
			})
		}
	}
}

// TestSecond: FILE#2 takes the second of several experiments.
func TestSecond(t *testing.T) {
	inBucket, err := store.Parse(bucket(t).Address("res_DM_CIFAR10_ConvNet_2ipc.pt") + "#2")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"testdata/res_DM_CIFAR10_ConvNet_2ipc.pt#2", inBucket} {
		if is, err := Is(path, ""); !is || err != nil {
			t.Errorf("%s: is not known for a set of tensors: %v", path, err)
		}
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Images.Close()
		if got := load(t, s); !bytes.Equal(got[0].Pix, levels(1)) { // reversed: class 0 has the images 1 and 0
			t.Errorf("%s: the first image of class 0 is another one", path)
		}
	}
	if _, err := Open(t.Context(), "testdata/res_DM_CIFAR10_ConvNet_2ipc.pt#3", Options{}); err == nil {
		t.Error("set 3 of 2 was opened")
	}
}

// TestWild: numbers of −21.6 to 19.3, as a public file has them, are kept as values; bytes are cut off, and it is said.
func TestWild(t *testing.T) {
	s, err := Open(t.Context(), "testdata/res_DC_CIFAR10_ConvNet_wild.pt", Options{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if said := strings.Join(s.Notes, "\n"); s.Pixels != CIFAR10 || !strings.Contains(said, "from -21.6 to 19.26") ||
		!strings.Contains(said, "darker than black") || !strings.Contains(said, "CIFAR10") {
		t.Errorf("took %s, said %q", s.Pixels, said)
	}
	how := way(CIFAR10)
	for i, im := range load(t, s) {
		for j, v := range im.Values {
			number := float64(float32((i*192+j)%997)/997*40.9) - 21.6
			want := number*how.std[j/64] + how.mean[j/64]
			if math.Abs(float64(v)-want) > 1e-5 { // of numbers of 20 in float32, thrice rounded
				t.Fatalf("image %d, value %d is %v, want %v", i, j, v, want)
			}
			b := min(max(math.RoundToEven(255*float64(v)), 0), 255)
			if got := im.Pix[j%64*3+j/64]; float64(got) != b {
				t.Fatalf("image %d, value %v has the byte %d", i, v, got)
			}
		}
		if len(im.Values) != 192 {
			t.Fatalf("image %d has %d values, want 192", i, len(im.Values))
		}
	}
}

// TestRateAndSoft: a learned rate, and soft labels as shares: those of logits are their softmax.
func TestRateAndSoft(t *testing.T) {
	for path, rate := range map[string]float64{"mtt": 0.0123, "datm": 0.02, "shares": 0, "ddranking": 0.05} {
		s, err := Open(t.Context(), filepath.Join("testdata", path), Options{Names: names})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Images.Close()
		if math.Abs(s.Rate-rate) > 1e-8 {
			t.Errorf("%s: rate %v, want %v", path, s.Rate, rate)
		}
		soft := s.Soft(s.Images.Classes[0].Images[0])
		if path == "mtt" {
			if soft != nil {
				t.Errorf("hard labels as shares %v", soft)
			}
			continue
		}
		sum := math.Exp(4) + 1 + math.E // of the logits 4, 0, 1
		for i, want := range []float64{math.Exp(4) / sum, 1 / sum, math.E / sum} {
			if math.Abs(float64(soft[i])-want) > 1e-6 {
				t.Errorf("%s: shares %v, want %v of class %d", path, soft, want, i)
			}
		}
	}
}

// TestWays: what the numbers are normalised by, as DC's utils.py and torchvision have it.
func TestWays(t *testing.T) {
	want := map[Pixels]string{
		CIFAR10:  "[0.4914 0.4822 0.4465] [0.2023 0.1994 0.201]",
		CIFAR100: "[0.5071 0.4866 0.4409] [0.2673 0.2564 0.2762]",
		ImageNet: "[0.485 0.456 0.406] [0.229 0.224 0.225]",
	}
	for p, text := range want {
		if w := way(p); fmt.Sprint(w.mean, w.std) != text {
			t.Errorf("%s: %v, want %s", p, w, text)
		}
	}
}

// TestCollage: the parts of a collage are those of PyTorch's Upsample, and four times as many images come of it.
func TestCollage(t *testing.T) {
	s, err := Open(t.Context(), "testdata/data_best.pt", Options{Names: names, Collage: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	tree, err := weights.OpenTree("testdata/collage_golden.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	want, err := tree.Value.(weights.Tensor).Float32s()
	if err != nil {
		t.Fatal(err)
	}
	images := load(t, s)
	if len(images) != 24 {
		t.Fatalf("%d images, want 24", len(images))
	}
	for i, v := range want {
		if got := images[i/192].Values[i%192]; math.Abs(float64(got-v)) > 1e-6 { // four products in float32
			t.Fatalf("part %d, value %d is %v, want %v", i/192, i%192, got, v)
		}
	}
}

// TestOptions: names, classes and limits.
func TestOptions(t *testing.T) {
	s, err := Open(t.Context(), "testdata/data_best.pt", Options{Names: names, Classes: []string{"fox", "cat"},
		Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if got := s.Images.ClassNames(); !slices.Equal(got, []string{"fox", "cat"}) || s.Images.Len() != 2 {
		t.Errorf("classes %q, %d images", got, s.Images.Len())
	}
	if got := load(t, s); !bytes.Equal(got[0].Pix, levels(4)) {
		t.Error("the first image of fox is another one")
	}
	for name, o := range map[string]Options{
		"too few names":    {Names: names[:2]},
		"no such class":    {Names: names, Classes: []string{"cow"}},
		"no such way":      {Pixels: "rgb"},
		"no such collages": {Collage: 3},
	} {
		if _, err := Open(t.Context(), "testdata/data_best.pt", o); !errors.Is(err, dataset.ErrSet) {
			t.Errorf("%s: %v, want %v", name, err, dataset.ErrSet)
		}
	}
}

// TestObjects: what NumPy pickled, what is no plain tensor, and what may mean several things, are refused by what they
// are.
func TestObjects(t *testing.T) {
	for path, want := range map[string]string{
		"dict.npy": "objects of Python",
		"dict.npz": `"set.npy": its elements are objects of Python`,

		"objects.npz": `"images" is no tensor that is read, but an object of Python`,
		"sparse.pt":   `"images" is no tensor that is read`,
		"float8.pt":   "images of type F8_E4M3, want floats",
		"network.pth": `[6] ("conv.bias"): the weights of a network`,

		"index.pt":    `want 6 of them as a tensor "labels" in it, or in a file "labels.pt" beside it (images`,
		"features.pt": `[6 5] ("features")`,
		"alone.pt":    "has images and no labels",
		"dataset.pt":  `an object of the class "torch.utils.data.dataset.TensorDataset"`,
		"int8.pt":     "whole numbers are bytes, from 0 to 255",
		"centred.pt":  "too wide for normalised images",
	} {
		_, err := Open(t.Context(), filepath.Join("testdata", path), Options{})
		if !errors.Is(err, dataset.ErrSet) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestDamaged: damaged and hostile files are errors with a name.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/data_best.pt")
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	npz, err := os.ReadFile("testdata/plain.npz")
	if err != nil {
		t.Fatal(err)
	}
	huge := []byte(npyMagic + "\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 3, 64, " +
		"64)}\n")
	for name, data := range map[string][]byte{
		"cut.pt": whole[:len(whole)/2], "flipped.pt": flipped, "cut.npz": npz[:len(npz)/2], "images.npy": huge,
		"empty.pt": {},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, dataset.ErrSet) {
			t.Errorf("%s: %v, want %v", name, err, dataset.ErrSet)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/mtt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "labels_best.pt")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), `"labels_best.pt"`) {
		t.Errorf("no labels: %v, want a word on labels_best.pt", err)
	}
}

// FuzzOpen: a file is a set whose images can all be read, or an error.
func FuzzOpen(f *testing.F) {
	for _, pattern := range []string{"testdata/*.pt", "testdata/*.pth", "testdata/*.npz",
		"testdata/*/*.npy", "testdata/*.safetensors"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: no seeds: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, filepath.Ext(file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, ending string) {
		if !slices.Contains(Endings, ending) {
			t.Skip()
		}
		path := filepath.Join(t.TempDir(), "x"+ending)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			if !errors.Is(err, dataset.ErrSet) {
				t.Errorf("%v, want %v", err, dataset.ErrSet)
			}
			return
		}
		defer s.Images.Close()
		load(t, s)
	})
}

// TestIs: folders of images, scripts and paths to nothing are no sets of tensors.
func TestIs(t *testing.T) {
	for _, path := range []string{t.TempDir(), "testdata/make.py", "testdata/none.pt"} {
		if tensors, err := Is(path, ""); err != nil || tensors {
			t.Errorf("%q is taken for a set of tensors", path)
		}
	}
}
