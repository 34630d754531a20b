package glyphs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"mgd3/dataset"
)

// TestFilesArePinned: the bytes of the first images of every class must never change under this [Version].
func TestFilesArePinned(t *testing.T) {
	want := map[string]string{
		"train": "c4fd22a4781ab6a3466d4b472e90bf01a0866ec28ffcc397c73d33ce4db0ed52",
		"test":  "f2037961f521376f5062fff489be06e8e139e120d1466c5de060bfb30905b3f8",
	}
	for _, split := range Splits {
		h := sha256.New()
		set := open(t, split, Options{PerClass: 20})
		for _, class := range set.Classes {
			for _, ref := range class.Images {
				h.Write(read(t, set, ref))
			}
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != want[split] {
			t.Errorf("%s: SHA-256 %s, want %s", split, got, want[split])
		}
	}
}

func open(t testing.TB, split string, o Options) *dataset.Set {
	t.Helper()
	set, err := Open(split, o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func read(t testing.TB, set *dataset.Set, ref dataset.Ref) []byte {
	t.Helper()
	data, err := set.Read(ref)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		split   string
		options Options
		classes string
		images  int
		err     string
	}{
		{"train", Options{}, Letters, 2000, ""},
		{"test", Options{}, Letters, 500, ""},
		{"train", Options{PerClass: 5000}, Letters, 5000, ""},
		{"train", Options{PerClass: 5001}, "", 0, "5001 images of a class, want from 1 to 5000 of train"},
		{"test", Options{PerClass: 1001}, "", 0, "1001 images of a class, want from 1 to 1000 of test"},
		{"test", Options{PerClass: -1}, "", 0, "-1 images"},
		{"test", Options{PerClass: 1, Classes: []string{"J", "A"}}, "JA", 1, ""},
		{"test", Options{Classes: []string{"K"}}, "", 0, `no class "K"`},
		{"test", Options{Classes: []string{"AB"}}, "", 0, `no class "AB"`},
		{"val", Options{}, "", 0, `no split "val", want train or test`},
	} {
		set, err := Open(c.split, c.options)
		if c.err != "" {
			if !errors.Is(err, dataset.ErrSet) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s, %v: error %v, want ErrSet with %q", c.split, c.options, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s, %v: %v", c.split, c.options, err)
			continue
		}
		if got := strings.Join(set.ClassNames(), ""); got != c.classes || len(set.Classes[0].Images) != c.images {
			t.Errorf("%s, %v: classes %s of %d images, want %s of %d", c.split, c.options, got,
				len(set.Classes[0].Images), c.classes, c.images)
		}
	}
}

// TestReadKnowsItsImages: a name that Open did not give is an error.
func TestReadKnowsItsImages(t *testing.T) {
	set := open(t, "train", Options{PerClass: 1})
	for _, ref := range []dataset.Ref{{Class: "A", Name: "x.png"}, {Class: "K", Name: "00000.png"},
		{Class: "", Name: "00000.png"}} {
		if _, err := set.Read(ref); !errors.Is(err, dataset.ErrImage) {
			t.Errorf("%v: error %v, want ErrImage", ref, err)
		}
	}
}

// TestImagesDependOnTheirNameAlone: not on what else is drawn, before or at the same time.
func TestImagesDependOnTheirNameAlone(t *testing.T) {
	set := open(t, "test", Options{PerClass: 8})
	part := open(t, "test", Options{PerClass: 3, Classes: []string{"D", "B"}})
	want := read(t, set, set.Classes[1].Images[2])
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for _, class := range part.Classes {
				for _, ref := range class.Images {
					got, err := part.Read(ref)
					if err != nil || ref == part.Classes[1].Images[2] && !bytes.Equal(got, want) {
						t.Errorf("%v: differs from the same image of the whole set, or %v", ref, err)
					}
				}
			}
		})
	}
	running.Wait()
}

// TestImagesDiffer: no image comes twice among some hundred, in either split.
func TestImagesDiffer(t *testing.T) {
	first := map[[sha256.Size]byte]string{}
	for _, split := range Splits {
		set := open(t, split, Options{PerClass: 30})
		for _, class := range set.Classes {
			for _, ref := range class.Images {
				name := split + "/" + class.Name + "/" + ref.Name
				sum := sha256.Sum256(read(t, set, ref))
				if other, found := first[sum]; found {
					t.Errorf("%s and %s are the same", name, other)
				}
				first[sum] = name
			}
		}
	}
}

// TestFilesAreImages: what is read decodes to what is drawn.
func TestFilesAreImages(t *testing.T) {
	want, err := Draw("train", 3, 7)
	if err != nil {
		t.Fatal(err)
	}
	set := open(t, "train", Options{PerClass: 8})
	got, err := dataset.Decode(read(t, set, set.Classes[3].Images[7]))
	if err != nil || got.W != Size || got.H != Size || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("the file is not the image drawn: %v", err)
	}
}

// TestFaces: all typefaces have all letters, and no two of them the same letters: a family is in one
// split only.
func TestFaces(t *testing.T) {
	seen := map[string]string{}
	for split, read := range faces {
		faces, err := read()
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range faces {
			name := fmt.Sprintf("%s face %d", split, i)
			if f.capHeight <= 0 {
				t.Errorf("%s: the E is %d high", name, f.capHeight)
			}
			for j, l := range f.letters {
				if len(l.polygons) == 0 {
					t.Errorf("%s: letter %c is empty", name, Letters[j])
				}
			}
			key := fmt.Sprint(f.letters)
			if other, found := seen[key]; found {
				t.Errorf("%s has the letters of %s", name, other)
			}
			seen[key] = name
		}
	}
	if len(seen) != 33+16 {
		t.Errorf("%d typefaces, want 49", len(seen))
	}
}

func TestReadFacesRejects(t *testing.T) {
	whole := outlines[:strings.Index(outlines, "train goitalic")]
	if _, err := readFaces(whole, "train"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"a letter twice", "goregular B", "goregular A", `typeface "goregular" has letter "A", want "B"`},
		{"no path", "goregular A M", "goregular A\n#", "want split, typeface, letter, path"},
		{"no move", "A M 1216", "A L 1216", `letter "A": segment 0 is "L"`},
		{"unknown segment", "L 37184", "S 37184", `segment 1 is "S"`},
		{"no number", "L 37184", "L 1e5", `segment 1: strconv.ParseInt: parsing "1e5"`},
		{"the last letter lacks", "train goregular J", "test goregular J", "ends at typeface 1, letter 9"},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if _, err := readFaces(text, "train"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := readFaces(whole, "test"); err == nil {
		t.Error("a split without typefaces is read")
	}
}

func TestScenes(t *testing.T) {
	total := 0
	for i, s := range scenes {
		total += s.share
		r := stream(i)
		for range 200 {
			ground, ink := s.colours(r)
			for _, c := range ground {
				if d := c.light() - ink.light(); d < contrast && d > -contrast {
					t.Errorf("scene %d: ink %v on ground %v, want %d levels between them", i, ink, c, contrast)
				}
			}
		}
	}
	if total != 100 {
		t.Errorf("the shares sum to %d, want 100", total)
	}
}

func BenchmarkRead(b *testing.B) {
	set := open(b, "train", Options{})
	images := slices.Concat(set.Classes[0].Images, set.Classes[7].Images)
	read(b, set, images[0]) // parses the typefaces
	for i := 0; b.Loop(); i++ {
		_, _ = io.Discard.Write(read(b, set, images[i%len(images)]))
	}
}

// TestSheet: the first pixel of each image is in its place.
func TestSheet(t *testing.T) {
	var file bytes.Buffer
	if err := Sheet(&file, 1, 1); err != nil {
		t.Fatal(err)
	}
	sheet, err := dataset.Decode(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for row, split := range Splits {
		for class := range Letters {
			im, err := Draw(split, class, 0)
			if err != nil {
				t.Fatal(err)
			}
			at := 3 * ((row*(68+8))*sheet.W + class*68)
			if got, want := sheet.Pix[at:][:3], im.Pix[:3]; !bytes.Equal(got, want) {
				t.Errorf("%s %c begins with %v, want %v", split, Letters[class], got, want)
			}
		}
	}
}
