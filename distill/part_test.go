package distill

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/encode"
	"mgd3/latent"
	"mgd3/stage"
)

// TestPart: a part holds exactly the chosen images' latents, is kept when it is made again, and its modes
// know of no others.
func TestPart(t *testing.T) {
	r := tinyRun(t, 5)
	if err := r.Encode(t.Context()); err != nil {
		t.Fatal(err)
	}
	chosen := []string{"000.png", "003.png"}
	part := filepath.Join(t.TempDir(), "part")
	choose := func(_, image string) bool { return slices.Contains(chosen, image) }
	var warned []string
	for i := range 3 {
		if i == 2 { // settings that are cut are made again, with a word
			if err := os.Truncate(filepath.Join(part, stage.SettingsFile), 30); err != nil {
				t.Fatal(err)
			}
		}
		if err := encode.Part(t.Context(), part, r.latentsDir(), "two", choose,
			func(s string) { warned = append(warned, s) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(warned) != 1 || !strings.Contains(warned[0], stage.SettingsFile) {
		t.Errorf("it said %q, want one line of the settings", warned)
	}
	all, errAll := latent.OpenClass(encode.File(r.latentsDir(), "dog"))
	two, errTwo := latent.OpenClass(encode.File(part, "dog"))
	if errAll != nil || errTwo != nil {
		t.Fatal(errAll, errTwo)
	}
	defer all.Close()
	defer two.Close()
	if !slices.Equal(two.Names, chosen) {
		t.Errorf("the part has %v, want %v", two.Names, chosen)
	}
	rows, errAll := all.Matrix()
	got, errTwo := two.Matrix()
	if errAll != nil || errTwo != nil {
		t.Fatal(errAll, errTwo)
	}
	if want := rows.Pick([]int{0, 3}); !slices.Equal(got.Data, want.Data) {
		t.Error("the latents of the part are not those of its images")
	}
	r.Latents, r.Out = part, filepath.Join(t.TempDir(), "out")
	if err := r.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Sample(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := Finish(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	if m.Part != "two" || m.Classes[0].Real != 2 {
		t.Errorf("the manifest says part %q with %d images, want %q with 2", m.Part, m.Classes[0].Real, "two")
	}
	if err := encode.Part(t.Context(), part, filepath.Join(r.Out, "latents"), "two", choose,
		func(s string) { warned = append(warned, s) }); err == nil {
		t.Error("a part of a cache that is not there was made")
	}
}
