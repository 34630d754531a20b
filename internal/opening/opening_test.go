package opening

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/distill"
	"mgd3/encode"
	"mgd3/internal/backends"
	"mgd3/internal/exits"
	"mgd3/internal/fixtures"
	"mgd3/modes"
	"mgd3/sets"
	"mgd3/stage"
)

// request opens a small model and three images of each class.
func request(t *testing.T) Request {
	dir := t.TempDir()
	if err := fixtures.Model(filepath.Join(dir, "model"), 1); err != nil {
		t.Fatal(err)
	}
	if err := fixtures.Images(filepath.Join(dir, "set"), 3); err != nil {
		t.Fatal(err)
	}
	var asked distill.Asked
	asked.Given = func(string) bool { return false }
	sampling := &distill.AskedSampling{Rule: "ddpm"}
	sample, err := asked.Sampling(*sampling)
	if err != nil {
		t.Fatal(err)
	}
	n := &Networks{Precision: "float32"}
	n.Model = Folder(filepath.Join(dir, "model"))
	return Request{
		Settings: distill.Settings{Encode: encode.Settings{Crop: encode.CropADM}, Sample: sample,
			Modes: distill.ModeSettings{IPC: 1, Method: modes.KMeans}},
		Networks: n, Sampling: sampling, Data: &sets.Spec{Path: filepath.Join(dir, "set"), Split: "train"},
		Out: filepath.Join(dir, "out"), Shard: stage.Whole, Backend: backends.Choice{Name: "cpu"},
		Sets: &sets.Opener{}, Say: func(string) {}, Warn: func(text string) { t.Errorf("warned: %s", text) },
		Report: func(e stage.Event) {
			if e.Warning != "" {
				t.Errorf("warned: %s", e.Warning)
			}
		},
	}
}

func TestOpen(t *testing.T) {
	q := request(t)
	q.Warnings = []string{"a flag has no effect"}
	var said []string
	q.Report = func(e stage.Event) { said = append(said, e.Warning) }
	r, err := q.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Settings.Encode.Size == 0 || r.Data.Len() == 0 || r.Denoiser == nil || !slices.Equal(said, q.Warnings) {
		t.Errorf("got the size %d, %d images, the denoiser %v, the warnings %q", r.Settings.Encode.Size, r.Data.Len(),
			r.Denoiser, said)
	}
	if m := r.Maker(); m.Train != r.Data || m.Settings != r.Settings || m.Out != q.Out {
		t.Errorf("the maker of sets is not the run's: %+v", m)
	}
	if _, err := q.Open(t.Context()); err == nil {
		t.Error("the folder was taken twice")
	}
	r.Close()
	if r, err = q.Open(t.Context()); err != nil {
		t.Fatalf("closed, and taken again: %v", err)
	}
	r.Close()
}

// TestOpenRefuses: of several mistakes the one that is found soonest is said, and nothing is written.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Request)
		says string
		code int
	}{
		{"no networks", func(q *Request) { q.Networks.Model = Folder("") }, "missing --model", exits.Usage},
		{"prompts of labels", func(q *Request) { q.Networks.Template = "a {name}" }, "is told no prompts", exits.Usage},
		{"no precision", func(q *Request) { q.Networks.Precision = "half" }, `precision is "half"`, exits.Usage},
		{"no size", func(q *Request) {
			q.Settings.Encode.Size = 18
			q.Warn = func(string) {}
		}, "18 pixels", exits.Usage},
		{"no crop", func(q *Request) { q.Settings.Encode.Crop = "oval" }, "oval", exits.Usage},
		{"no images", func(q *Request) { q.Data.Path += "-none" }, "set-none", exits.Input},
	} {
		q := request(t)
		c.do(&q)
		r, err := q.Open(t.Context())
		if err == nil {
			r.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		code, _ := exits.Diagnose(err)
		if code != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %d, %v, want %d and %q", c.name, code, err, c.code, c.says)
		}
		if found, _ := filepath.Glob(q.Out + "*"); len(found) > 0 {
			t.Errorf("%s: wrote %v", c.name, found)
		}
	}
}

// TestOpenAutoencoder: images are encoded without a denoiser, and nothing is written.
func TestOpenAutoencoder(t *testing.T) {
	q := request(t)
	r, err := q.OpenAutoencoder(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Autoencoder == nil || r.Denoiser != nil || r.Settings.Encode.Size == 0 {
		t.Errorf("got %v, %v, the size %d", r.Autoencoder, r.Denoiser, r.Settings.Encode.Size)
	}
}
