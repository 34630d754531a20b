package embedding

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/matrix"
)

func table() ([]string, matrix.Matrix) {
	return []string{"a/1.png", "a/2.png", "b/1.png"},
		matrix.Matrix{Rows: 3, Cols: 2, Data: []float32{1, 2, 3, 4, 5, -6}}
}

// TestRoundTrip: what is written is read, in both forms, and rows are found by any name that says which they are.
func TestRoundTrip(t *testing.T) {
	names, features := table()
	for _, ending := range []string{"parquet", "safetensors"} {
		file := filepath.Join(t.TempDir(), "f."+ending)
		if err := Write(file, names, features); err != nil {
			t.Fatal(err)
		}
		read, err := Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(read.Names, names) || !slices.Equal(read.Features.Data, features.Data) ||
			len(read.SHA256) != 64 {
			t.Errorf("%s: read %+v", ending, read)
		}
		got, err := read.Of("a", []string{"2.png", "train/a/1.png"})
		if err != nil || !slices.Equal(got.Data, []float32{3, 4, 1, 2}) {
			t.Errorf("%s: of a: %v, %v", ending, got, err)
		}
		if _, err := read.Of("a", []string{"3.png"}); !errors.Is(err, ErrFeatures) ||
			!strings.Contains(err.Error(), "3.png") {
			t.Errorf("%s: an image without a row: %v", ending, err)
		}
		if _, err := read.Of("c", []string{"1.png"}); !errors.Is(err, ErrFeatures) ||
			!strings.Contains(err.Error(), "several") {
			t.Errorf("%s: an image of two rows: %v", ending, err)
		}
	}
}

func TestRefused(t *testing.T) {
	names, features := table()
	dir := t.TempDir()
	nan := matrix.Matrix{Rows: 3, Cols: 2, Data: []float32{1, 2, float32(math.NaN()), 4, 5, 6}}
	for name, make := range map[string]func(file string) error{
		"text.parquet":     func(file string) error { return os.WriteFile(file, []byte("no"), 0o600) },
		"text.safetensors": func(file string) error { return os.WriteFile(file, []byte("no"), 0o600) },
		"other.csv":        func(file string) error { return os.WriteFile(file, []byte("a,1"), 0o600) },
		"nan.parquet":      func(file string) error { return Write(file, names, nan) },
		"empty.parquet":    func(file string) error { return Write(file, nil, matrix.Matrix{Cols: 2}) },
		"cut.parquet": func(file string) error {
			if err := Write(file, names, features); err != nil {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, data[:len(data)/2], 0o600)
		},
	} {
		file := filepath.Join(dir, name)
		if err := make(file); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), file); !errors.Is(err, ErrFeatures) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Write(filepath.Join(dir, "x.npy"), names, features); err == nil {
		t.Error("wrote a file of another ending")
	}
	if err := Write(filepath.Join(dir, "x.parquet"), names[:1], features); err == nil {
		t.Error("wrote one name of three rows")
	}
}
