package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCases reads files as people have them beside their twins in PNG, made by Pillow.
func TestCases(t *testing.T) {
	base := filepath.Join("..", "testdata", "cases")
	for _, name := range []string{"bmp", "webp-animated", "exif-orientation-long", "png-grey16-transparent",
		"jpeg-chroma-apart",
		"jpeg-cmyk-no-adobe", "png-extra-data", "cut-tails", "pgm-maxval"} {
		files, err := filepath.Glob(filepath.Join(base, name, "set", "*", "x.*"))
		must(t, err)
		if len(files) == 0 {
			t.Errorf("%s: no files", name)
		}
		for _, file := range files {
			dir := filepath.Base(filepath.Dir(file))
			got := readCase(t, file)
			want := readCase(t, filepath.Join(base, name, "twin", dir, "x.png"))
			levels := 0
			if strings.HasSuffix(file, ".jpg") || strings.HasSuffix(file, ".webp") {
				levels = 3
			}
			if !near(got, want, levels) {
				t.Errorf("%s: other pixels than %d × %d of its twin", file, want.W, want.H)
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(base, "lfs-pointer", "set", "a", "0.jpg"))
	must(t, err)
	if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), "Git LFS") {
		t.Errorf("a pointer of Git LFS: error %v", err)
	}
}

func readCase(t *testing.T, file string) *RGB {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	im, err := Decode(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return Orient(im, Orientation(data))
}
