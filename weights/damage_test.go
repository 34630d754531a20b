package weights_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// readAll reads what convert reads: every tensor of the file at path, as it would be written.
func readAll(t *testing.T, path string) ([]byte, error) {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	shards, _, err := weights.Conversion{}.Shards(weights.AsIs(f))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = shards[0].Write(t.Context(), &b)
	return b.Bytes(), err
}

// TestEveryBitOfAnArchive: a flipped bit is an error, or the numbers are the same.
func TestEveryBitOfAnArchive(t *testing.T) {
	list := append(samples(), weights.F32("large", []int{100, 10}, make([]float32, 1000)))
	content := pytorch.Torch(list, pytorch.DiTCheckpoint(pytorch.Dict{})).Zip()
	path := filepath.Join(t.TempDir(), "x.pt")
	write := func(content []byte) {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	want, err := readAll(t, path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	wrong, harmless := 0, 0
	const flips = 600
	for range flips {
		at, bit := r.IntN(len(content)), r.IntN(8)
		damaged := slices.Clone(content)
		damaged[at] ^= 1 << bit
		write(damaged)
		got, err := readAll(t, path)
		switch {
		case err != nil && !errors.Is(err, weights.ErrFormat) && !errors.Is(err, weights.ErrChoice):
			t.Fatalf("byte %d, bit %d: %v", at, bit, err)
		case err != nil:
			wrong++
		case bytes.Equal(got, want):
			harmless++
		default:
			t.Errorf("byte %d, bit %d: other numbers and no error", at, bit)
		}
	}
	if wrong == 0 || harmless == 0 {
		t.Errorf("%d errors and %d harmless of %d flips, want some of each", wrong, harmless, flips)
	}
}

// TestDamagedStorage: the message names the tensor, in every way that leads to its numbers; others can be read.
func TestDamagedStorage(t *testing.T) {
	first, second := weights.F32("first", []int{3}, []float32{1, 2, 3}),
		weights.Raw("second", "BF16", []int{2}, []byte{1, 2, 3, 4})
	content := pytorch.Torch([]weights.Tensor{first, second}, nil).Zip()
	content[bytes.Index(content, second.Bytes())] ^= 0x10
	path := putFile(t, "x.pt", content)
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words := []string{path, `tensor "second"`, "damaged", "CRC-32 of its 4 bytes"}
	damaged, err := f.Tensor("second")
	if err != nil {
		t.Fatal(err)
	}
	_, err = damaged.Float32s()
	wantWords(t, err, words...)
	wantWords(t, damaged.ReadFloat32s(make([]float32, 1), 1), words...)
	_, err = weights.AsIs(f).Float32s("second")
	wantWords(t, err, words...)
	_, err = readAll(t, path)
	wantWords(t, err, words...)
	sound, err := f.Tensor("first")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := sound.Float32s(); err != nil || !slices.Equal(data, []float32{1, 2, 3}) {
		t.Errorf("the other tensor: %v, %v", data, err)
	}
	transposed := &pytorch.Storage{Key: "0", DType: "F32", Count: 4, Data: bytes.Repeat([]byte{1, 2, 3, 4}, 4)}
	content = pytorch.Archive{Folder: "x", Object: pytorch.Pairs("t", transposed.Tensor(0, []int{2, 2}, []int{1, 2})),
		Storages: []*pytorch.Storage{transposed}}.Zip()
	content[bytes.Index(content, transposed.Data)] ^= 1
	_, err = weights.Open(putFile(t, "y.pt", content))
	wantWords(t, err, "y.pt", `tensor "t"`, "damaged")
	pickled := pytorch.Torch([]weights.Tensor{first}, nil).Zip()
	pickled[bytes.Index(pickled, []byte("first"))] ^= 1
	_, err = weights.Open(putFile(t, "z.pt", pickled))
	wantWords(t, err, "z.pt", `"data.pkl"`, "damaged")
}

// TestShrunkFile: a mapped file that another program cuts short is an error that names it, in every way that leads to
// its numbers, and no end of the process.
func TestShrunkFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the system lets nobody cut a mapped file short")
	}
	list := []weights.Tensor{weights.F32("blocks.0.x", []int{1 << 16}, make([]float32, 1<<16)),
		weights.F16("blocks.0.y", []int{1 << 15}, make([]float32, 1<<15))}
	for name, content := range map[string][]byte{"x.safetensors": safetensors(t, list),
		"x.pt": pytorch.Torch(list, nil).Zip(), "old.pt": pytorch.Torch(list, nil).Old()} {
		for _, left := range []int64{0, 100, 5000, int64(len(content)) - 1} {
			path := putFile(t, name, content)
			f, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			x, err := f.Tensor("blocks.0.y")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, left); err != nil {
				t.Fatal(err)
			}
			_, errAll := x.Float32s()
			_, errWide := x.Float64s()
			errPart := x.ReadFloat32s(make([]float32, 1<<15), 0)
			_, errHash := f.SHA256(t.Context())
			shards, _, err := weights.Conversion{DType: "BF16"}.Shards(weights.AsIs(f))
			if err != nil {
				t.Fatal(err)
			}
			errWrite := shards[0].Write(t.Context(), &bytes.Buffer{})
			for i, err := range []error{errAll, errWide, errPart, errHash, errWrite} {
				if !errors.Is(err, weights.ErrFormat) || !strings.Contains(err.Error(), path) ||
					!strings.Contains(err.Error(), "cut it short") {
					t.Errorf("%s cut to %d bytes, way %d: %v", name, left, i, err)
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestNoFile: what is no file in the place of one is named, and nothing blocks.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := weights.Open(dir)
	wantWords(t, err, dir, "holds no weights file")
	if err := os.Mkdir(filepath.Join(dir, "model.safetensors"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = weights.Open(dir)
	wantWords(t, err, "model.safetensors", "it is a folder, want a file")
}

// TestForeign: pointers and pages in the place of weights, or of an index, are named.
func TestForeign(t *testing.T) {
	const lfs = "version https://git-lfs.github.com/spec/v1\noid " +
		"sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 2700611775\n"
	for name, content := range map[string]string{
		"a pointer of Git LFS to a file of 2700611775 bytes": lfs,
		"a page of HTML":           "<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
		"in JSON (\"Repository n":  `{"error":"Repository not found"}`,
		"the words \"Entry not":    "Entry not found",
		"a pointer of git-annex":   "/annex/objects/SHA256E-s31390--f50d7ac4.pt\n",
		"the text of a link of":    "../../blobs/" + strings.Repeat("0a", 32),
		"an error message of a se": `<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`,
	} {
		for _, file := range []string{"model.safetensors", "model.pt", "model.safetensors.index.json", "model.bin"} {
			_, err := weights.Open(putFile(t, file, []byte(content)))
			wantWords(t, err, file, "it is ", name)
			if !errors.Is(err, weights.ErrForeign) || strings.Contains(err.Error(), "header") {
				t.Errorf("%s in %s: %v", name, file, err)
			}
		}
	}
}

// TestHashOfTheCache: a file in the hub's cache lies under its SHA-256; other content is an error when it is hashed, as
// every network is that a run loads.
func TestHashOfTheCache(t *testing.T) {
	dir := t.TempDir()
	first, second := safetensors(t, samples()[:1]), safetensors(t, samples()[1:2])
	blobs, snapshot := filepath.Join(dir, "blobs"), filepath.Join(dir, "snapshots", "0")
	if err := errors.Join(os.MkdirAll(blobs, 0o777), os.MkdirAll(snapshot, 0o777)); err != nil {
		t.Fatal(err)
	}
	link := func(name string, content, stored []byte) string {
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		if err := os.WriteFile(filepath.Join(blobs, sum), stored, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..", "..", "blobs", sum), filepath.Join(snapshot, name)); err != nil {
			t.Skipf("no links here: %v", err)
		}
		return filepath.Join(snapshot, name)
	}
	hash := func(path string) error {
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, err = f.SHA256(t.Context())
		return err
	}
	if err := hash(link("sound.safetensors", first, first)); err != nil {
		t.Error(err)
	}
	damaged := slices.Clone(second)
	damaged[len(damaged)-1] ^= 1
	link("damaged.safetensors", second, damaged)
	wantWords(t, hash(filepath.Join(snapshot, "damaged.safetensors")), "damaged.safetensors", "it is damaged",
		"--check")
	content := index(map[string][]weights.Tensor{"sound.safetensors": samples()[:1],
		"damaged.safetensors": samples()[1:2]})
	if err := os.WriteFile(filepath.Join(snapshot, "model.safetensors.index.json"), content, 0o666); err != nil {
		t.Fatal(err)
	}
	wantWords(t, hash(filepath.Join(snapshot, "model.safetensors.index.json")), "damaged.safetensors", "it is damaged")
}
