package findings

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/dataset"
)

// picture is a smooth image of a class, another for every number.
func picture(class, number int) *dataset.RGB {
	rng := rand.New(rand.NewPCG(uint64(class), uint64(number)))
	small := &dataset.RGB{W: 4, H: 4, Pix: make([]uint8, 48)}
	for i := range small.Pix {
		small.Pix[i] = uint8(min(250, 30+60*class+rng.IntN(120)))
	}
	return dataset.Resize(small, 32, 32, dataset.Bilinear)
}

type folder string

// png writes an image as PNG.
func (f folder) png(t *testing.T, class string, number int, im *dataset.RGB) {
	t.Helper()
	name := fmt.Sprintf("%s/%03d.png", class, number)
	f.write(t, name, func(b *bytes.Buffer) error { return dataset.WritePNG(b, im) })
}

func (f folder) write(t *testing.T, name string, write func(*bytes.Buffer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(string(f), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (f folder) open(t *testing.T) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(context.Background(), string(f), dataset.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// clean are a set of 2 classes of 6 images, and 30 real and 20 test images of each, all different.
func clean(t *testing.T) (set, real, test folder) {
	t.Helper()
	set, real, test = folder(t.TempDir()), folder(t.TempDir()), folder(t.TempDir())
	for c, class := range []string{"bird", "cat"} {
		for i := range 6 {
			set.png(t, class, i, picture(c, i))
		}
		for i := range 30 {
			real.png(t, class, i, picture(c, 100+i))
		}
		for i := range 20 {
			test.png(t, class, i, picture(c, 200+i))
		}
	}
	return set, real, test
}

func run(t *testing.T, in Input) *Findings {
	t.Helper()
	f, err := Look(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kinds are the kinds that something was found of, with the images.
func (f *Findings) kinds() string {
	var all []string
	for _, c := range f.Checks {
		for _, item := range c.Items {
			text := fmt.Sprintf("%s %s/%s", c.Kind, item.Image.Class, item.Image.Name)
			if item.Other != nil {
				text += fmt.Sprintf(" %s/%s", item.Other.Class, item.Other.Name)
			}
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

func TestACleanSetHasNone(t *testing.T) {
	set, real, test := clean(t)
	f := run(t, Input{Set: set.open(t), Real: real.open(t), Test: test.open(t),
		Modes: []Mode{{"bird", "000.png", 5}, {"cat", "000.png", 55}}})
	if f.Count() != 0 {
		t.Errorf("found %s, want nothing", f.kinds())
	}
	if len(f.Checks) != 9 {
		t.Errorf("there are %d checks, want 9", len(f.Checks))
	}
	for _, c := range f.Checks {
		if c.Checked == "" || c.Skipped != "" {
			t.Errorf("%s: checked %q, skipped %q; want it checked", c.Kind, c.Checked, c.Skipped)
		}
	}
	for class, all := range f.Nearest {
		for i, n := range all {
			if n.Name.Class != class || n.D <= same || n.Ratio <= 0.5 || n.Percentile < 0 || n.Percentile > 100 {
				t.Errorf("class %q, image %d: nearest is %+v", class, i, n)
			}
		}
	}
}

// TestPlanted: each fault that is planted is on the list, and nothing else is.
func TestPlanted(t *testing.T) {
	flat := func(v uint8) *dataset.RGB {
		return &dataset.RGB{W: 32, H: 32, Pix: bytes.Repeat([]byte{v}, 3*32*32)}
	}
	burnt := picture(1, 3)
	for i := range len(burnt.Pix) / 2 {
		burnt.Pix[i] = 255
	}
	brighter := picture(1, 100+7)
	for i := range brighter.Pix {
		brighter.Pix[i] += 4
	}
	for _, c := range []struct {
		name  string
		plant func(set, real, test folder)
		want  string
	}{
		{"copy", func(set, _, _ folder) { set.png(t, "cat", 2, picture(1, 100+7)) }, "copies cat/002.png cat/007.png"},
		{"brighter copy", func(set, _, _ folder) { set.png(t, "cat", 2, brighter) }, "copies cat/002.png cat/007.png"},
		{"copy of another class", func(set, _, _ folder) { set.png(t, "cat", 2, picture(0, 100+7)) },
			"copies cat/002.png bird/007.png; other-class cat/002.png bird/007.png"},
		{"test image", func(set, _, _ folder) { set.png(t, "bird", 4, picture(0, 200+3)) },
			"test-images bird/004.png bird/003.png"},
		{"duplicate", func(set, _, _ folder) { set.png(t, "cat", 5, picture(1, 0)) },
			"repeats cat/000.png cat/005.png"},
		{"blank", func(set, _, _ folder) { set.png(t, "cat", 0, flat(200)) }, "blank cat/000.png"},
		{"clipped", func(set, _, _ folder) { set.png(t, "cat", 3, burnt) }, "clipped cat/003.png"},
		{"real twice", func(_, real, _ folder) { real.png(t, "cat", 29, picture(1, 100)) },
			"real-twice cat/000.png cat/029.png"},
		{"test image in the training folder", func(_, real, _ folder) { real.png(t, "cat", 30, picture(1, 201)) },
			"test-in-real cat/030.png cat/001.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, real, test := clean(t)
			c.plant(set, real, test)
			f := run(t, Input{Set: set.open(t), Real: real.open(t), Test: test.open(t)})
			if got := f.kinds(); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestAnotherFormat: a copy in another format is the same picture, in the set and among the real images.
func TestAnotherFormat(t *testing.T) {
	set, real, test := clean(t)
	for _, to := range []struct {
		f    folder
		name string
	}{{set, "cat/100.jpg"}, {real, "cat/100.jpg"}} {
		to.f.write(t, to.name, func(b *bytes.Buffer) error {
			return jpeg.Encode(b, picture(1, 200).Image(), &jpeg.Options{Quality: 85})
		})
	}
	f := run(t, Input{Set: set.open(t), Real: real.open(t), Test: test.open(t)})
	want := "copies cat/100.jpg cat/100.jpg; test-images cat/100.jpg cat/000.png; test-in-real cat/100.jpg cat/000.png"
	if got := f.kinds(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestRealThrice: of three files with one picture each is named, whichever is nearest to which.
func TestRealThrice(t *testing.T) {
	set, real, _ := clean(t)
	for quality, name := range map[int]string{90: "cat/100.jpg", 92: "cat/101.jpg", 95: "cat/102.jpg"} {
		real.write(t, name, func(b *bytes.Buffer) error {
			return jpeg.Encode(b, picture(1, 400).Image(), &jpeg.Options{Quality: quality})
		})
	}
	f := run(t, Input{Set: set.open(t), Real: real.open(t)})
	got := f.kinds()
	for _, name := range []string{"cat/100.jpg", "cat/101.jpg", "cat/102.jpg"} {
		if !strings.Contains(got, name) {
			t.Errorf("found %q, which lacks %s", got, name)
		}
	}
}

func TestFewReal(t *testing.T) {
	set, _, _ := clean(t)
	f := run(t, Input{Set: set.open(t), Modes: []Mode{{"bird", "000.png", 4}, {"cat", "000.png", 5}}})
	if got := f.kinds(); got != "few-real bird/000.png" {
		t.Errorf("found %q, want the mode of four images", got)
	}
	for _, c := range f.Checks {
		switch c.Kind {
		case Copies, TestImages, OtherClass, RealTwice, TestInReal:
			if c.Skipped == "" {
				t.Errorf("%s was checked without images to compare with", c.Kind)
			}
		}
	}
	if f.Nearest != nil {
		t.Error("there are nearest real images without real images")
	}
}

// TestPercentile: a copy is nearer than any real image is to another, a stranger is farther than all.
func TestPercentile(t *testing.T) {
	set, real, _ := clean(t)
	set.png(t, "cat", 0, picture(1, 100))
	set.png(t, "cat", 1, picture(3, 5))
	f := run(t, Input{Set: set.open(t), Real: real.open(t)})
	if n := f.Nearest["cat"]; n[0].Percentile != 0 || n[0].D != 0 || n[1].Percentile != 100 {
		t.Errorf("a copy has %+v, a stranger %+v; want percentiles 0 and 100", n[0], n[1])
	}
}

func TestMost(t *testing.T) {
	set, real, _ := clean(t)
	set.png(t, "cat", 2, picture(1, 100+25))
	in := Input{Set: set.open(t), Real: real.open(t), Most: 40}
	f := run(t, in)
	if f.kinds() != "" || !strings.Contains(f.Checks[0].Checked, "40 of 60") {
		t.Errorf("found %q in %q, want nothing in the first 40 of 60", f.kinds(), f.Checks[0].Checked)
	}
	read := 0
	in.Report = func(done, total int) {
		if read = done; total != 12+40 {
			t.Fatalf("%d images are to be read, want 52", total)
		}
	}
	run(t, in)
	if read != 52 {
		t.Errorf("%d images were reported, want 52", read)
	}
}

func TestOtherClassesAreRefused(t *testing.T) {
	set, _, _ := clean(t)
	other := folder(t.TempDir())
	other.png(t, "dog", 0, picture(0, 0))
	if _, err := Look(t.Context(), Input{Set: set.open(t), Real: other.open(t)}); err == nil ||
		!strings.Contains(err.Error(), `"dog"`) {
		t.Errorf("got %v, want an error that names the class", err)
	}
}
