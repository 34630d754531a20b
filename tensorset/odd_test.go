package tensorset

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// sixUnit are the six images of the fixtures in 0 to 1, [6, 3, 8, 8], each number changed.
func sixUnit(change func(channel int, v float32) float32) []float32 {
	var out []float32
	for i := range 6 {
		pix := levels(i)
		for c := range 3 {
			for j := range 64 {
				out = append(out, change(c, float32(pix[3*j+c])/255))
			}
		}
	}
	return out
}

func asIs(_ int, v float32) float32 { return v }

var (
	six       = weights.F32("", []int{6, 3, 8, 8}, sixUnit(asIs))
	others    = weights.F32("", []int{6, 3, 8, 8}, sixUnit(func(_ int, v float32) float32 { return 1 - v }))
	perClass  = weights.F32("", []int{3, 2, 3, 8, 8}, sixUnit(asIs))
	sixLabels = weights.I64("", []int{6}, []int64{0, 0, 1, 1, 2, 2})
	downwards = weights.I64("", []int{6}, []int64{5, 4, 3, 2, 1, 0})
)

// torchFile writes a file of torch.save.
func torchFile(t *testing.T, path string, object any) string {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.TempDir(), path)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := weights.Save(f, object); err != nil {
		t.Fatal(err)
	}
	return path
}

// described says which of the six images each class of a set has: "cat 0 1, dog 2 3".
func described(t *testing.T, s *Set) string {
	t.Helper()
	images := load(t, s)
	var classes []string
	for _, class := range s.Images.Classes {
		text := class.Name
		for range class.Images {
			which := slices.IndexFunc([]int{0, 1, 2, 3, 4, 5}, func(i int) bool {
				return slices.Equal(levels(i), images[0].Pix)
			})
			text += fmt.Sprintf(" %d", which)
			images = images[1:]
		}
		classes = append(classes, text)
	}
	return strings.Join(classes, ", ")
}

type items = []weights.Item

// part returns some of the six images; two those of a class.
func part(from, to int) weights.Tensor {
	const each = 3 * 8 * 8
	return weights.F32("", []int{to - from, 3, 8, 8}, sixUnit(asIs)[from*each:to*each])
}

func two(class int) weights.Tensor { return part(2*class, 2*class+2) }

func labelled(labels ...int64) weights.Tensor { return weights.I64("", []int{len(labels)}, labels) }

// ones are tensors of one number.
func ones(labels ...int64) (list []any) {
	for _, label := range labels {
		list = append(list, weights.I64("", nil, []int64{label}))
	}
	return list
}

// TestOdd: sets whose labels are easily misread.
func TestOdd(t *testing.T) {
	const right = "cat 0 1, dog 2 3, fox 4 5"
	named := Options{Names: names}
	strs := func(list ...any) []any { return list }
	for _, c := range []struct {
		name   string
		object any
		o      Options
		want   string // the classes, or a part of the error
		note   string
	}{
		{"a label for each class", items{{Key: "images", Value: perClass},
			{Key: "labels", Value: weights.I64("", []int{3}, []int64{2, 0, 1})}}, named,
			"cat 2 3, dog 4 5, fox 0 1", ""},
		{"labels of two axes", items{{Key: "images", Value: perClass},
			{Key: "labels", Value: weights.I64("", []int{3, 2}, []int64{2, 2, 0, 0, 1, 0})}}, named,
			"cat 2 3 5, dog 4, fox 0 1", ""},
		{"perhaps a label for each class", items{{Key: "images", Value: perClass},
			{Key: "labels", Value: weights.I64("", []int{4}, []int64{2, 0, 1, 1})}}, named,
			"want labels of shape [3], [2], [3 2]", ""},
		{"none", items{{Key: "images", Value: perClass}}, named, right, "no labels"},

		{"names", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "classes", Value: strs("owl", "ape", "cow")}}, Options{}, "owl 0 1, ape 2 3, cow 4 5",
			`names of their own, in "classes": 0 is "owl"`},
		{"other names asked for", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "classes", Value: strs("owl", "ape", "cow")}}, named, right,
			`given are taken in place of its own: 0 is "cat"`},
		{"numbers by name", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "class_to_idx", Value: items{{Key: "ape", Value: 1}, {Key: "cow", Value: 0},
				{Key: "owl", Value: 2}}}}, Options{}, "cow 0 1, ape 2 3, owl 4 5", `in "class_to_idx"`},
		{"a number twice", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "class_to_idx", Value: items{{Key: "ape", Value: 1}, {Key: "cow", Value: 1}}}}, Options{},
			`"class_to_idx": want the numbers from 0 to 1, each for one name`, ""},
		{"a name that leads elsewhere", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "classes", Value: strs("../owl", "ape", "cow")}}, Options{}, `cannot be that of a folder`, ""},

		{"labels that are names", items{{Key: "images", Value: six}, {Key: "labels",
			Value: strs("owl", "owl", "ape", "ape", "cow", "cow")}},
			Options{}, "ape 2 3, cow 4 5, owl 0 1", `in "the labels": 0 is "ape"`},
		{"labels that are names, and names of numbers", items{{Key: "images", Value: six}, {Key: "labels",
			Value: strs("owl", "owl", "ape", "ape", "cow", "cow")}, {Key: "classes", Value: strs("owl", "cow", "ape")}},
			named, "ape 2 3, cow 4 5, owl 0 1", ""},
		{"labels that are some names", items{{Key: "images", Value: six}, {Key: "labels", Value: strs("owl", "owl")}},
			Options{}, "has images and no labels", ""},

		{"from 1", items{{Key: "x", Value: six}, {Key: "y", Value: weights.I64("", []int{6},
			[]int64{1, 1, 2, 2, 3, 3})}}, named, right, "the labels count from 1 to 3"},
		{"from 1, without names", items{{Key: "x", Value: six}, {Key: "y", Value: weights.I64("", []int{6},
			[]int64{1, 1, 2, 2, 3, 3})}}, Options{}, "0001 0 1, 0002 2 3, 0003 4 5", ""},
		{"from 1, or none of the first", items{{Key: "x", Value: six}, {Key: "y", Value: weights.I64("", []int{6},
			[]int64{1, 1, 2, 2, 1, 1})}}, named, "dog 0 1 4 5, fox 2 3", "if the labels count from 1"},
		{"from 2", items{{Key: "x", Value: six}, {Key: "y", Value: weights.I64("", []int{6},
			[]int64{2, 2, 3, 3, 4, 4})}}, named, "label 4, but there are names for 3", ""},

		{"numbers of the images first", []any{six, downwards, sixLabels}, named, right,
			"the labels are number 3 of the list"},
		{"numbers of the images last", []any{six, sixLabels, downwards}, named, right,
			"the labels are number 2 of the list"},
		{"changed images first", items{{Key: "augmented_images", Value: others}, {Key: "images", Value: six},
			{Key: "labels", Value: sixLabels}}, named, right, `"images" is taken`},
		{"what a training began with", items{{Key: "images_init", Value: others}, {Key: "images_syn", Value: six},
			{Key: "labels", Value: sixLabels}}, named, right, `"images_syn" is taken`},
		{"those to test on first", items{{Key: "test", Value: []any{others, sixLabels}}, {Key: "train",
			Value: []any{six, sixLabels}}}, named, right,
			`holds 2 sets (below "test", "train"), of which number 2 is taken`},
		{"groups of classes first", items{{Key: "coarse_labels", Value: weights.I64("", []int{6},
			[]int64{1, 1, 1, 1, 0, 0})}, {Key: "images", Value: six}, {Key: "fine_labels", Value: sixLabels}}, named,
			right, `"fine_labels" is taken`},

		{"names by number", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "id2label", Value: items{{Key: "1", Value: "ape"}, {Key: "0", Value: "cow"},
				{Key: "2", Value: "owl"}}}}, Options{}, "cow 0 1, ape 2 3, owl 4 5", `in "id2label"`},
		{"numbers by name, under another word", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "label_map", Value: items{{Key: "ape", Value: 1}, {Key: "cow", Value: 0}, {Key: "owl", Value: 2}}}},
			Options{}, "cow 0 1, ape 2 3, owl 4 5", `in "label_map"`},
		{"names of labels", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "label_names", Value: strs("owl", "ape", "cow")}}, Options{}, "owl 0 1, ape 2 3, cow 4 5", ""},
		{"names that are none", items{{Key: "images", Value: six}, {Key: "labels", Value: sixLabels},
			{Key: "classes", Value: strs("owl", "owl", "cow")}}, named, right, `"classes" in it is no list of`},
		{"a list of floats", items{{Key: "images", Value: six}, {Key: "labels", Value: []any{0., 0., 1., 1., 2., 2.}}},
			named, right, ""},
		{"a list of tensors", items{{Key: "images", Value: six}, {Key: "labels", Value: ones(0, 0, 1, 1, 2, 2)}},
			named, right, ""},
		{"images by digits", items{{Key: "1", Value: two(1)}, {Key: "0", Value: two(0)}, {Key: "2", Value: two(2)}},
			named, right, "the numbers 0 to 2 of a dict"},
		{"images by name", items{{Key: "owl", Value: two(0)}, {Key: "ape", Value: two(1)}, {Key: "cow", Value: two(2)}},
			Options{}, "ape 2 3, cow 4 5, owl 0 1", `the names of a dict, "owl" and others`},
		{"images of other names", items{{Key: "real", Value: two(0)}, {Key: "syn", Value: two(1)}}, Options{},
			"holds no images, or several", ""},

		{"shares that are equal", []any{six, weights.F32("", []int{6, 3}, []float32{.4, .4, .2, 1, 0, 0, 0, 1, 0,
			.2, .6, .2, .3, .3, .4, .2, .4, .4})}, named, "cat 0 1, dog 2 3 5, fox 4",
			"2 of 6 rows of labels have their largest number in several columns, the first is of image 0"},
		{"what is no tensor, in a list", []any{nil, sixLabels}, named, `"number 1 of a list" is no tensor that is`, ""},

		{"batches", []any{[]any{part(0, 3), labelled(0, 0, 1)}, []any{part(3, 6), labelled(1, 2, 2)}}, named,
			"holds 2 sets of different classes", ""},
		{"batches with all classes", []any{[]any{part(0, 3), labelled(0, 1, 0)}, []any{part(3, 6), labelled(1, 0, 1)}},
			named, "perhaps parts of one: torch.cat", ""},
		{"a set for each class", items{{Key: "cat", Value: []any{two(0), labelled(0, 0)}},
			{Key: "dog", Value: []any{two(1), labelled(1, 1)}}}, named,
			`holds 2 sets (below "cat", "dog") of different`, ""},
		{"several sizes", items{{Key: "ipc1", Value: []any{part(0, 3), labelled(0, 1, 2)}},
			{Key: "ipc2", Value: []any{six, sixLabels}}}, named, "cat 0, dog 1, fox 2", "of which number 1 is taken"},
	} {
		s, err := Open(t.Context(), torchFile(t, "set.pt", c.object), c.o)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			continue
		}
		defer s.Images.Close()
		if got := described(t, s); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if said := strings.Join(s.Notes, "\n"); !strings.Contains(said, c.note) {
			t.Errorf("%s: said %q, want %q in it", c.name, said, c.note)
		}
	}
}

// TestBeside: in a folder, classes.txt names the labels, and labels of classes beside their images are read.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	torchFile(t, filepath.Join(dir, "images_best.pt"), perClass)
	torchFile(t, filepath.Join(dir, "labels_best.pt"), weights.I64("", []int{3}, []int64{1, 2, 0}))
	if err := os.WriteFile(filepath.Join(dir, "classes.txt"), []byte("owl\nape\ncow\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if got, want := described(t, s), "owl 4 5, ape 0 1, cow 2 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	names, err := ClassNames(t.Context(), dir, Options{})
	if err != nil || !slices.Equal(names, []string{"owl", "ape", "cow"}) {
		t.Errorf("names %q, %v", names, err)
	}
}

// TestSoftBeside: of hard and soft labels in files beside the images it is said which are taken.
func TestSoftBeside(t *testing.T) {
	dir := t.TempDir()
	torchFile(t, filepath.Join(dir, "images.pt"), six)
	torchFile(t, filepath.Join(dir, "soft_labels.pt"), weights.F32("", []int{6, 3}, []float32{.9, .1, 0, .9, .1, 0,
		0, 1, 0, 0, 1, 0, 0, .2, .8, 0, .2, .8}))
	for _, note := range []string{"shares of 3 classes", `"label.pt" is taken, and "soft_labels.pt" beside it is not`} {
		s, err := Open(t.Context(), dir, Options{Names: names})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Images.Close()
		if said := strings.Join(s.Notes, "\n"); !strings.Contains(said, note) {
			t.Errorf("said %q, want %q in it", said, note)
		}
		torchFile(t, filepath.Join(dir, "label.pt"), sixLabels)
	}
}

// TestNamedNumPy: strings of NumPy are labels by name.
func TestNamedNumPy(t *testing.T) {
	s, err := Open(t.Context(), "testdata/named.npz", Options{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if got, want := described(t, s), "cat 0 1, dog 2 3, öwl 4 5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAnyMean: images of bytes that were normalised by any mean and deviation are read back to the byte; a mean and a
// deviation can be given; 0 and 1 are black and white.
func TestAnyMean(t *testing.T) {
	mean, std := [3]float32{0.48, 0.45, 0.41}, [3]float32{0.27, 0.26, 0.28}
	spread := func(c int, v float32) float32 { // black and white are in each channel
		if v < 0.02 {
			v = 0
		} else if v > 0.98 {
			v = 1
		}
		return v
	}
	bytesOf := func(v float32) byte { return byte(math.RoundToEven(255 * float64(v))) }
	for _, c := range []struct {
		name, file string
		shape      []int
		change     func(c int, v float32) float32
		asked      Pixels
		want       Pixels
		back       func(c int, v float32) float32 // of what is read, in 0 to 1
	}{
		{"any", "set.pt", []int{6, 3, 8, 8}, func(c int, v float32) float32 {
			return (spread(c, v) - mean[c]) / std[c]
		}, "", Levels, spread},
		{"less a mean", "set.pt", []int{6, 3, 8, 8}, func(c int, v float32) float32 {
			return 255*spread(c, v) - 110
		}, "", Levels, spread},
		{"given", "set.pt", []int{6, 3, 8, 8}, func(c int, v float32) float32 { return (v - mean[c]) / std[c] },
			"0.48,0.45,0.41/0.27,0.26,0.28", "0.48,0.45,0.41/0.27,0.26,0.28", asIs},
		{"one given", "set.pt", []int{6, 3, 8, 8}, func(c int, v float32) float32 { return (v - 0.5) / 0.25 },
			"0.5/0.25", "0.5/0.25", asIs},
		{"by the name", "res_DC_SVHN_ConvNet_1ipc.pt", []int{6, 3, 8, 8}, func(c int, v float32) float32 {
			return (v*.931 - [3]float32{.4377, .4438, .4728}[c]) / [3]float32{.1980, .2010, .1970}[c]
		}, "", SVHN, func(_ int, v float32) float32 { return v * .931 }},
		{"black and white", "set.pt", []int{6, 3, 8, 8}, func(_ int, v float32) float32 {
			return float32(math.Round(float64(v)))
		}, "", Unit, func(_ int, v float32) float32 { return float32(math.Round(float64(v))) }},
	} {
		images := weights.F32("", c.shape, sixUnit(c.change))
		s, err := Open(t.Context(), torchFile(t, c.file, []any{images, sixLabels}), Options{Pixels: c.asked})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		defer s.Images.Close()
		if s.Pixels != c.want {
			t.Errorf("%s: taken for %s, want %s; said %q", c.name, s.Pixels, c.want, s.Notes)
		}
		for i, im := range load(t, s) {
			for j, got := range im.Pix {
				if want := bytesOf(c.back(j%3, float32(levels(i)[j])/255)); got != want {
					t.Fatalf("%s: image %d, byte %d is %d, want %d", c.name, i, j, got, want)
				}
			}
		}
	}
	for _, p := range []Pixels{"0.5", "0.5/", "/0.5", "0.5/0", "0.5,0.5/1", "nan/1", "0.5/1/1"} {
		if p.Check() == nil {
			t.Errorf("%q is taken for a mean and a deviation", p)
		}
	}
}

// TestGrey: normalised grey images are those that the name of the file says, or refused.
func TestGrey(t *testing.T) {
	v := make([]float32, 6*64)
	for i := range v {
		v[i] = (float32(i%251)/300 - 0.1307) / 0.3081
	}
	images := weights.F32("", []int{6, 1, 8, 8}, v)
	for file, want := range map[string]string{"res_DM_MNIST_ConvNet_1ipc.pt": "mnist", "FashionMNIST.pt": "fashion",
		"set.pt": "mnist, fashion, or MEAN/DEVIATION"} {
		s, err := Open(t.Context(), torchFile(t, file, []any{images, sixLabels}), Options{})
		got := fmt.Sprint(err)
		if err == nil {
			defer s.Images.Close()
			got = string(s.Pixels)
		}
		if !strings.HasSuffix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	bits := weights.Raw("", "BOOL", []int{6, 1, 8, 8}, []byte(strings.Repeat("\x00\x01\x01", 128)))
	s, err := Open(t.Context(), torchFile(t, "set.pt", []any{bits, sixLabels}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if pix := load(t, s)[0].Pix[:6]; s.Pixels != Unit || !slices.Equal(pix, []byte{0, 0, 0, 255, 255, 255}) {
		t.Errorf("of booleans: %s, %v", s.Pixels, pix)
	}
}

// TestGreyWithoutColours: grey images need no axis of colours, by their name; numbers that would be black are refused.
func TestGreyWithoutColours(t *testing.T) {
	grey := make([]float32, 6*8*8)
	for i := range grey {
		grey[i] = float32(i%256) / 255
	}
	dark := make([]float32, len(six.Bytes())/4)
	for i := range dark {
		dark[i] = float32(i%256) / 255 / 255
	}
	for _, c := range []struct {
		name, key string
		images    weights.Tensor
		want      string
	}{
		{"grey", "images", weights.F32("", []int{6, 8, 8}, grey), ""},
		{"of another name", "features", weights.F32("", []int{6, 8, 8}, grey), "holds no images, or several"},
		{"divided twice", "images", weights.F32("", []int{6, 3, 8, 8}, dark), "all images would be nearly black"},
	} {
		s, err := Open(t.Context(), torchFile(t, "set.pt", items{{Key: c.key, Value: c.images},
			{Key: "labels", Value: sixLabels}}), Options{Names: names})
		if err != nil || c.want != "" {
			if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			continue
		}
		defer s.Images.Close()
		for i, im := range load(t, s) {
			if want := byte(i * 64 % 256); im.Pix[0] != want || im.Pix[2] != want {
				t.Errorf("%s: image %d begins with %v, want %d", c.name, i, im.Pix[:3], want)
			}
		}
	}
}
