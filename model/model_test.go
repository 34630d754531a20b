package model

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/dit"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/internal/textfile"
)

// files makes a file system of files with these texts, by name.
func files(texts map[string]string) fs.FS {
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestFind(t *testing.T) {
	ours := files(map[string]string{"m/autoencoder/a": "", "m/dit/a": "", "m/vae/a": "", "m/transformer/a": ""})
	pipeline := files(map[string]string{"m/vae/a": "", "m/transformer/a": "", "m/dit": "a file"})
	half := files(map[string]string{"m/dit/a": ""})
	file := files(map[string]string{"m": string(withTensors(t, "x_embedder.proj.weight"))})
	disk := t.TempDir()
	if err := os.MkdirAll(filepath.Join(disk, "vae"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		from  Networks
		part  Part
		want  string // the path
		wrong error
	}{
		{"ours before diffusers", Networks{Model: Folder{ours, "m"}}, Autoencoder, "m/autoencoder", nil},
		{"ours before diffusers", Networks{Model: Folder{ours, "m"}}, Denoiser, "m/dit", nil},
		{"pipeline", Networks{Model: Folder{pipeline, "m"}}, Autoencoder, "m/vae", nil},
		{"a file is no folder", Networks{Model: Folder{pipeline, "m"}}, Denoiser, "m/transformer", nil},
		{"given", Networks{Model: Folder{ours, "m"}, Denoiser: "x.pt"}, Denoiser, "x.pt", nil},
		{"given for the other", Networks{Model: Folder{ours, "m"}, Denoiser: "x.pt"}, Autoencoder,
			"m/autoencoder", nil},
		{"given is a pipeline", Networks{Autoencoder: disk}, Autoencoder, filepath.ToSlash(disk) + "/vae", nil},
		{"a file is the denoiser", Networks{Model: Folder{file, "m"}}, Denoiser, "m", nil},
		{"a file is no autoencoder", Networks{Model: Folder{file, "m"}}, Autoencoder, "", ErrOneFile},
		{"nothing named", Networks{}, Denoiser, "", ErrUnnamed},
		{"half a model", Networks{Model: Folder{half, "m"}}, Autoencoder, "", ErrNoFolder},
		{"no model", Networks{Model: Folder{half, "n"}}, Autoencoder, "", fs.ErrNotExist},
	} {
		f, err := c.from.Find(c.part)
		var missing *NotFound
		if f.Path != c.want || !errors.Is(err, c.wrong) || c.wrong != nil &&
			(!errors.As(err, &missing) || missing.Part != c.part) {
			t.Errorf("%s, %s: got %q, %v; want %q, %v", c.name, c.part, f.Path, err, c.want, c.wrong)
		}
	}
}

func TestClassNames(t *testing.T) {
	const index = `{"_class_name": "DiTPipeline", "id2label": {"0": "tench", "1": "goldfish"}}`
	const other = `{"_class_name": "StableDiffusionPipeline"}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
		wrong error
	}{
		{"no names", map[string]string{"m/dit/a": ""}, nil, nil},
		{"lines", map[string]string{"m/dit/a": "", "m/classes.txt": "\ufeffcat\r\n\n great owl \n"},
			[]string{"cat", "great owl"}, nil},
		{"pipeline", map[string]string{"m/transformer/a": "", "m/model_index.json": index},
			[]string{"tench", "goldfish"}, nil},
		{"lines before the pipeline", map[string]string{"m/transformer/a": "", "m/model_index.json": index,
			"m/classes.txt": "cat\ndog\n"}, []string{"cat", "dog"}, nil},
		{"pipeline of another kind", map[string]string{"m/transformer/a": "", "m/model_index.json": other,
			"m/classes.txt": "cat\ndog\n"}, nil, dit.ErrPipeline},
		{"ours beside a pipeline", map[string]string{"m/dit/a": "", "m/model_index.json": other}, nil, nil},
		{"UTF-16", map[string]string{"m/dit/a": "", "m/classes.txt": "\xff\xfec\x00"}, nil, textfile.ErrText},
		{"a file", map[string]string{"m": ""}, nil, nil},
	} {
		got, err := Networks{Model: Folder{files(c.files), "m"}}.ClassNames()
		if !slices.Equal(got, c.want) || !errors.Is(err, c.wrong) {
			t.Errorf("%s: got %q, %v; want %q, %v", c.name, got, err, c.want, c.wrong)
		}
	}
	long := files(map[string]string{"m/dit/a": "", "m/classes.txt": "cat\n" + strings.Repeat("x", 1<<17)})
	if _, err := (Networks{Model: Folder{long, "m"}}).ClassNames(); err == nil ||
		!strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line of 128 KiB: got %v, want an error of line 2", err)
	}
}

func TestIsPipeline(t *testing.T) {
	fsys := files(map[string]string{"m/model_index.json": "{}", "n/dit/a": ""})
	for _, c := range []struct {
		f    Folder
		want bool
	}{{Folder{fsys, "m"}, true}, {Folder{fsys, "n"}, false}, {Folder{}, false}} {
		if got := c.f.IsPipeline(); got != c.want {
			t.Errorf("%q: got %v, want %v", c.f.Path, got, c.want)
		}
	}
}

// TestOpen opens both networks of a folder on disk.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if err := fixtures.Model(dir, 1); err != nil {
		t.Fatal(err)
	}
	e := testengine.Open(t)
	n := Networks{Model: Disk(dir)}
	a, err := n.OpenAutoencoder(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.OpenDenoiser(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	size, errS := n.Size(a)
	names, errN := n.ClassNames()
	if err := errors.Join(errS, errN); err != nil || size != fixtures.Size || len(names) != d.ClassCount() {
		t.Errorf("got %d pixels, classes %q, %v; want %d and %d classes", size, names, err, fixtures.Size,
			d.ClassCount())
	}
}
