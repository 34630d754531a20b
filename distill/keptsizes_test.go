package distill

import (
	"slices"
	"testing"

	"mgd3/encode"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/stage"
)

// TestKeptSizes: the real images of a mode that goes are counted for the nearest one that stays, an equal one keeps its
// own, and none is lost.
func TestKeptSizes(t *testing.T) {
	run := t.TempDir()
	record := modesRecord{
		Settings: ModeSettings{IPC: 5, Method: "kmeans", Short: modes.ShortRepeat},
		Latents: encode.Record{Settings: encode.Settings{Size: 16, Crop: encode.CropADM}, Classes: []string{"owl"},
			Shape: []int{1, 1, 2}},
	}
	if _, err := stage.LockSettings(modesDir(run), record, func() (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	c := modes.Clustering{
		Centres: matrix.Matrix{Rows: 5, Cols: 2, Data: []float32{0, 0, 10, 0, 0, 0, 9, 1, 1, 2}},
		Sizes:   []int{1, 2, 4, 8, 16}, Nearest: make([]int, 5), Assignment: []int{0},
	}
	if err := writeModes(ModesFile(run, "owl"), "key", c, &latent.Class{Names: []string{"0.png"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kept []int
		want []int64
	}{
		{[]int{0, 1}, []int64{1 + 4 + 16, 2 + 8}}, {[]int{3}, []int64{31}}, {[]int{0, 1, 2}, []int64{17, 10, 4}},
		{[]int{2, 0, 1}, []int64{20, 1, 10}}, {[]int{0, 1, 2, 3, 4}, []int64{1, 2, 4, 8, 16}},
	} {
		got, ok, err := byCentre(run, "owl", c.kept)
		if err != nil || !ok || !slices.Equal(got, c.want) {
			t.Errorf("kept %v: sizes %v, %v, %v, want %v", c.kept, got, ok, err, c.want)
		}
	}
	if _, ok, err := byCentre(run, "cat", []int{0}); ok || err != nil {
		t.Errorf("a class without modes: %v, %v", ok, err)
	}
	if _, ok, err := byCentre(t.TempDir(), "owl", []int{0}); ok || err != nil {
		t.Errorf("a run without modes: %v, %v", ok, err)
	}
	if _, _, err := byCentre(run, "owl", []int{5}); err == nil {
		t.Error("a mode that is not there: no error")
	}
}

// TestShared: sizes grow in proportion, and none is lost.
func TestShared(t *testing.T) {
	for _, c := range []struct {
		masses []int64
		total  int64
		want   []int64
	}{
		{[]int64{1, 1, 1}, 10, []int64{4, 3, 3}}, {[]int64{0, 0}, 5, []int64{3, 2}}, {[]int64{0, 3}, 5, []int64{0, 5}},
		{[]int64{5}, 5, []int64{5}}, {[]int64{1<<31 - 1, 1}, 1 << 32, []int64{1<<32 - 2, 2}},
	} {
		if got := shared(c.masses, c.total); !slices.Equal(got, c.want) {
			t.Errorf("%d shared as %v: %v, want %v", c.total, c.masses, got, c.want)
		}
	}
}
