package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// casesDir holds inputs made after public bug reports; its README says what is right. moreCases may hold further
// ones, which this test must know.
const (
	casesDir  = "../../testdata/cases"
	moreCases = "../../../shared/cases"
)

// useCase is one command on one of the inputs. In args, "case/", "base/" and "tmp/" stand for its folder, for that of
// the model and pictures that several use, and for a new one.
type useCase struct {
	name string
	args string
	code int
	says string                      // a pattern in what it prints, "" for anything
	then func(t *testing.T, c tried) // further checks
}

// tried is a use case that was run.
type tried struct{ dir, base, tmp string }

func (c tried) fill(text string) string {
	return strings.NewReplacer("case/", c.dir+"/", "base/", c.base+"/", "tmp/", c.tmp+"/").Replace(text)
}

// command runs mgd3 and returns its exit code and all that it prints.
func (c tried) command(args string) (int, string) {
	var out bytes.Buffer
	code := run(strings.Fields(c.fill(args)), &out, &out)
	return code, out.String()
}

const encodeGlyphs = " --model glyphs --size 40 --out tmp/out"

// likeTwin makes the same baseline of the folder set and of twin, whose pictures are Pillow's, and compares them.
func likeTwin(t *testing.T, levels int) func(t *testing.T, c tried) {
	return func(t *testing.T, c tried) {
		t.Helper()
		if code, text := c.command("baseline --data case/twin --model glyphs --method random --ipc 1 --size 40 --out " +
			"tmp/twin"); code != 0 {
			t.Fatal(text)
		}
		sameImages(t, filepath.Join(c.tmp, "out"), filepath.Join(c.tmp, "twin"), levels)
	}
}

// sameImages compares the images of two runs: bytes, or colours within some levels.
func sameImages(t *testing.T, got, want string, levels int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(want, "images", "*", "*.png"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no images in %s", want)
	}
	for _, file := range files {
		name, _ := filepath.Rel(want, file)
		if d := levelsApart(t, filepath.Join(got, name), file); d > levels {
			t.Errorf("%s is off by up to %d levels, want at most %d", name, d, levels)
		}
	}
}

// levelsApart is the largest difference of two PNG files' colours, in levels of 256.
func levelsApart(t *testing.T, a, b string) int {
	t.Helper()
	open := func(path string) (*os.File, error) { return os.Open(path) }
	fa, err := open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer fa.Close()
	fb, err := open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer fb.Close()
	x, errX := png.Decode(fa)
	y, errY := png.Decode(fb)
	if errX != nil || errY != nil || x.Bounds() != y.Bounds() {
		t.Fatalf("%s and %s: %v, %v", a, b, errX, errY)
	}
	most := 0
	for i := range x.Bounds().Dy() {
		for j := range x.Bounds().Dx() {
			r, g, b, _ := x.At(j, i).RGBA()
			r2, g2, b2, _ := y.At(j, i).RGBA()
			for _, d := range []int{int(r>>8) - int(r2>>8), int(g>>8) - int(g2>>8), int(b>>8) - int(b2>>8)} {
				most = max(most, d, -d)
			}
		}
	}
	return most
}

const fromWeights = "distill --data base/full --split train --model base/model --dit case/weights --ipc 2 --steps 5 " +
	"--out tmp/out"

// likeModel makes the images that the weights' own model makes.
func likeModel(dit string, levels int) func(t *testing.T, c tried) {
	return func(t *testing.T, c tried) {
		t.Helper()
		if code, text := c.command("distill --data base/full --split train --model base/model --ipc 2 --steps 5 " +
			"--out tmp/want" + dit); code != 0 {
			t.Fatal(text)
		}
		sameImages(t, filepath.Join(c.tmp, "out"), filepath.Join(c.tmp, "want"), levels)
	}
}

// count says how many images are encoded.
func count(n int) string { return fmt.Sprintf(`encode %d/%d images`, n, n) }

// judging is the command of the cases on teachers.
const judging = "evaluate --train glyphs --ipc 50 --train-split train --test glyphs --test-split test --test-limit " +
	"50 --net convnet1 " +
	"--protocol soft --epochs 40 --size 8 --flip=false --teacher-net convnet1 --teacher case/"

func useCases(t *testing.T) []useCase {
	pictures := "baseline --data case/set --model glyphs --method random --ipc 1 --size 40 --out tmp/out"
	var list []useCase
	for name, levels := range map[string]int{
		"bmp": 0, "webp-animated": 0, "exif-orientation-long": 3, "png-grey16-transparent": 0, "jpeg-chroma-apart": 3,
		"jpeg-cmyk-no-adobe": 3, "png-extra-data": 0, "cut-tails": 3, "pgm-maxval": 0,
	} {
		list = append(list, useCase{name: name, args: pictures, then: likeTwin(t, levels)})
	}
	for _, name := range []string{
		"weights-module-prefix", "weights-model-state-dict", "weights-average-passed-over", "weights-pathlib",
		"safetensors-null-metadata",
	} {
		list = append(list, useCase{name: name, args: fromWeights, then: likeModel("", 0)})
	}
	return append(list,
		useCase{name: "minimax-gammas", args: fromWeights, then: likeModel(" --dit case/folded", 1)},
		useCase{name: "lfs-pointer", args: fromWeights, code: exitModel,
			says: `pointer of Git LFS to a file of \d+ bytes`},
		useCase{name: "lfs-pointer", args: "encode --data case/set" + encodeGlyphs, code: exitInput,
			says: `pointer of Git LFS to a file of \d+ bytes`},
		useCase{name: "linked-classes", args: "encode --data tmp/made --split train" + encodeGlyphs, says: count(4)},
		useCase{name: "dangling-link", args: "encode --data tmp/made --skip-bad" + encodeGlyphs, says: `1\.jpg`},
		useCase{name: "dangling-link", args: "encode --data tmp/made" + encodeGlyphs, code: exitInput,
			says: `"a".*gone\.jpg`},
		useCase{name: "nested-images", args: "encode --data case/set" + encodeGlyphs,
			says: `warning: .*passed over: 6, "a/more/0.jpg"`},
		useCase{name: "nested-images", args: "encode --strict --data case/set" + encodeGlyphs, code: exitInput,
			says: `passed over: 6, "a/more/0.jpg"`},
		useCase{name: "tiny-imagenet", args: "encode --data case/tiny-imagenet-200 --split val" + encodeGlyphs,
			says: count(4)},
		useCase{name: "tiny-imagenet", args: "encode --data case/tiny-imagenet-200 --split train" + encodeGlyphs,
			says: count(4)},
		useCase{name: "emnist-names", args: "encode --data case/emnist --split train" + encodeGlyphs, says: count(26)},
		useCase{name: "system-folders", args: "encode --data case/disk" + encodeGlyphs, says: count(2)},
		useCase{name: "system-folders", args: "encode --data case/nas" + encodeGlyphs, says: count(2)},
		useCase{name: "list-with-spaces", args: "encode --data case/set --classes case/two.txt" + encodeGlyphs,
			says: `great white shark|tiger shark`},
		useCase{name: "list-with-spaces", args: "encode --data case/set --classes case/trap.txt" + encodeGlyphs,
			says: `class "great white shark"`},
		useCase{name: "list-with-bom", args: "encode --data base/full --split train --classes case/bom.txt" +
			encodeGlyphs,
			says: count(4)},
		useCase{name: "zip-backslash", args: "encode --data case/set.zip" + encodeGlyphs, says: count(4)},
		useCase{name: "zip-bzip2", args: "encode --data case/set.zip" + encodeGlyphs, says: `encode (\d+)/`},
		useCase{name: "parquet-missing-shard", args: "encode --data case/set --split train" + encodeGlyphs,
			code: exitInput,
			says: `train-00001-of-00003\.parquet`},
		useCase{name: "wds-dotted-keys", args: "encode --data case/set.tar" + encodeGlyphs, says: count(6)},
		useCase{name: "wds-dotted-keys", args: "encode --data case/all.tar" + encodeGlyphs, says: count(4)},
		useCase{name: "hf-names", args: "encode --data case/dict.parquet" + encodeGlyphs,
			then: classesAre("dog", "saw", "tench")},
		useCase{name: "hf-names", args: "encode --data case/list.parquet" + encodeGlyphs, code: exitInput,
			says: `list`},
		useCase{name: "hf-names", args: "encode --data case/bool.parquet" + encodeGlyphs,
			then: classesAre("false", "true")},
		useCase{name: "names-not-utf8", args: "baseline --data tmp/made/class --model glyphs --method random --ipc 1 " +
			"--size 40 --out tmp/out",
			code: exitInput, says: `caf\\xe9`},
		useCase{name: "names-not-utf8", args: "baseline --data tmp/made/file --model base/model --method herding " +
			"--ipc 1 --out tmp/out",
			code: exitInput, says: `caf\\xe9`},
		useCase{name: "duplicate-images",
			args: "distill --data case/set --model base/model --ipc 4 --steps 5 --out tmp/out",
			says: `warning: class "n01440764": .*1 .*4`},
		useCase{name: "index-named-classes", says: `After the last epoch`,
			args: "evaluate --train case/sre2l --test base/full --test-split train --epochs 1 --size 16 " +
				"--class-names case/names.txt"},
		useCase{name: "index-named-classes", says: `After the last epoch`,
			args: "evaluate --train case/numbers --test base/full --test-split train --epochs 1 --size 16 " +
				"--class-names case/names.txt"},
		useCase{name: "index-named-classes", says: `in this order: 0 is "n01440764", .*--class-names gives another`,
			args: "evaluate --train case/sre2l --test base/full --test-split train --epochs 1 --size 16"},
		useCase{name: "zip-dates", args: "baseline --data base/full --split train --model glyphs --method random " +
			"--ipc 1 --size 40 --out tmp/out",
			then: zipDates},
		useCase{name: "teacher-order", args: judging + "right.safetensors", says: `2[0-9]\.\d`},
		useCase{name: "teacher-order", args: judging + "shifted.safetensors", code: exitModel, says: `order`},
		useCase{name: "teacher-and-list", args: judging + "teacher.safetensors --classes case/backwards.txt",
			says: `2[0-9]\.\d`},
	)
}

// classesAre compares the names of the classes that were encoded.
func classesAre(want ...string) func(t *testing.T, c tried) {
	return func(t *testing.T, c tried) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(c.tmp, "out", "latents", "*.safetensors"))
		var got []string
		for _, file := range files {
			got = append(got, strings.TrimSuffix(filepath.Base(file), ".safetensors"))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the classes are %q, want %q", got, want)
		}
	}
}

func zipDates(t *testing.T, c tried) {
	if code, text := c.command("export tmp/out --format zip --out tmp/out.zip"); code != 0 {
		t.Fatal(text)
	}
	z, err := zip.OpenReader(filepath.Join(c.tmp, "out.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if d := f.Modified; d.Year() != 1980 || d.Month() != 1 || d.Day() != 1 {
			t.Errorf("%s has the date %v, want 1980-01-01", f.Name, d)
		}
	}
}

// TestCases tries every input of the cases.
func TestCases(t *testing.T) {
	dir, err := filepath.Abs(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadDir(moreCases)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	known := map[string]bool{"_base": true}
	list := useCases(t)
	for _, c := range list {
		known[c.name] = true
	}
	for _, e := range slices.Concat(entries, more) {
		if e.IsDir() && !known[e.Name()] {
			t.Errorf("case %s is not tried", e.Name())
		}
	}
	for i, c := range list {
		t.Run(fmt.Sprintf("%s/%d", c.name, i), func(t *testing.T) {
			tc := tried{dir: filepath.Join(dir, c.name), base: filepath.Join(dir, "_base"), tmp: t.TempDir()}
			if script := filepath.Join(tc.dir, "make.sh"); exists(script) {
				if out, err := exec.CommandContext(t.Context(), "sh", script,
					filepath.Join(tc.tmp, "made")).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v: %s", script, err, out)
				}
			}
			code, text := tc.command(c.args)
			if code != c.code || !regexp.MustCompile(c.says).MatchString(text) {
				t.Fatalf("exit code %d, want %d and %q in\n%s", code, c.code, c.says, text)
			}
			for _, words := range []string{"internal error", "panic", "cannot unmarshal", "Go struct", "path escapes",
				"unexpected EOF"} {
				if strings.Contains(text, words) {
					t.Errorf("it says %q:\n%s", words, text)
				}
			}
			if c.then != nil {
				c.then(t, tc)
			}
		})
	}
}
