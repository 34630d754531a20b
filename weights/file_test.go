package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/rng"
)

// sample is a file with every kind of edge: a scalar, an empty tensor, odd sizes that put
// later elements at odd offsets, and a name that JSON must escape.
func sample() ([]Tensor, map[string]string) {
	return []Tensor{
		F32("blocks.0/weight", []int{2, 3}, []float32{0, -1, 2.5, math.MaxFloat32, 1e-45,
			float32(math.Copysign(0, -1))}),
		F64("scalar", nil, []float64{math.Pi}),
		Raw("empty", "F16", []int{0, 7}, []byte{}),
		Raw("bytes", "U8", []int{3}, []byte{1, 2, 255}),
		Raw("half", "F16", []int{2}, []byte{0x00, 0x3c, 0x00, 0xc0}),
		Raw("brain \"<é>\"", "BF16", []int{1, 2}, []byte{0x80, 0x3f, 0x00, 0xc0}),
		I64("ids", []int{2}, []int64{math.MinInt64, 7}),
	}, map[string]string{"format": "pt", "a": "<b>"}
}

// encode returns the bytes of a file.
func encode(t testing.TB, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put writes a file into a fresh folder and returns its path.
func put(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a file until the test ends.
func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// wantError demands an error that wraps kind, if any, and says everything in words.
func wantError(t testing.TB, err, kind error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q does not wrap %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	tensors, metadata := sample()
	content := encode(t, tensors, metadata)
	f := open(t, put(t, "x.safetensors", content))

	if !maps.Equal(f.Metadata(), metadata) {
		t.Errorf("metadata %v, want %v", f.Metadata(), metadata)
	}
	var back []Tensor
	for _, want := range tensors {
		got, err := f.Tensor(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if !same(got, want) {
			t.Errorf("%s: %s %v %v, want %s %v %v", want.Name, got.DType, got.Shape, got.Bytes(), want.DType,
				want.Shape, want.Bytes())
		}
		back = append(back, got)
	}
	if len(f.Names()) != len(tensors) || !slices.IsSorted(f.Names()) {
		t.Errorf("names %q", f.Names())
	}
	if again := encode(t, back, f.Metadata()); !bytes.Equal(again, content) {
		t.Errorf("written again: %q, want %q", again, content)
	}
	if n := binary.LittleEndian.Uint64(content); n%8 != 0 {
		t.Errorf("the data begin at %d, want a multiple of 8", 8+n)
	}
}

func TestOpenFindsTheFile(t *testing.T) {
	x := encode(t, []Tensor{F32("x", []int{1}, []float32{1})}, nil)
	for _, c := range []struct {
		name  string
		files []string
		want  string // the file, or words of the error
	}{
		{"no file", nil, "holds no weights file"},
		{"other files only", []string{"classes.txt", "config.json"}, "holds no weights file"},
		{"one of PyTorch's", []string{"DiT-XL-2-256x256.pt", "config.json"}, "DiT-XL-2-256x256.pt"},
		{"two of PyTorch's", []string{"a.pt", "b.ckpt"}, "holds 2 weights files [a.pt b.ckpt]"},
		{"PyTorch's and another", []string{"a.pt", "b.safetensors"}, "b.safetensors"},
		{"PyTorch's by name", []string{"diffusion_pytorch_model.bin", "x.pt"}, "diffusion_pytorch_model.bin"},
		{"one of any name", []string{"DiT-XL-2.safetensors", "config.json"}, "DiT-XL-2.safetensors"},
		{"two of any name", []string{"a.safetensors", "b.safetensors"},
			"holds 2 weights files [a.safetensors b.safetensors]"},
		{"transformers' name", []string{"model.safetensors", "a.safetensors"}, "model.safetensors"},
		{"diffusers' name", []string{"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"},
			"diffusion_pytorch_model.safetensors"},
		{"diffusers' half", []string{"diffusion_pytorch_model.fp16.safetensors", "x.safetensors"},
			"diffusion_pytorch_model.fp16.safetensors"},
		{"half, and all of it in another format",
			[]string{"diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"},
			"diffusion_pytorch_model.bin"},
		{"transformers' half", []string{"model.fp16.safetensors", "pytorch_model.bin"}, "pytorch_model.bin"},
		{"transformers' half alone", []string{"model.fp16.safetensors", "x.safetensors"}, "model.fp16.safetensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), x, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			f, err := Open(dir)
			if err != nil {
				wantError(t, err, nil, dir, c.want)
				return
			}
			defer f.Close()
			if want := []string{filepath.Join(dir, c.want)}; !slices.Equal(f.Paths(), want) {
				t.Errorf("opened %q, want %q", f.Paths(), want)
			}
		})
	}
}

func TestOpenMissing(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none.safetensors"))
	wantError(t, err, os.ErrNotExist, "none.safetensors")
}

func TestClosedFile(t *testing.T) {
	tensors, _ := sample()
	f := open(t, put(t, "x.safetensors", encode(t, tensors, nil)))
	x, err := f.Tensor("scalar")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if x.Bytes() != nil {
		t.Error("a tensor of a closed file has bytes")
	}
	_, err = x.Float32s()
	wantError(t, err, nil, "scalar", "closed")
	if err := f.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestSHA256(t *testing.T) {
	content := encode(t, []Tensor{Raw("x", "U8", []int{5 << 20}, make([]byte, 5<<20))}, nil)
	f := open(t, put(t, "x.safetensors", content))
	sum := sha256.Sum256(content)
	if got, err := f.SHA256(t.Context()); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("have %s, %v, want %x", got, err, sum)
	}
}

// TestOpenFS opens files, folders and shards in a file system: what is embedded in a program has no paths of the
// system and cannot be mapped.
func TestOpenFS(t *testing.T) {
	x := encode(t, []Tensor{F32("a", []int{1}, []float32{1})}, nil)
	fsys := fstest.MapFS{
		"one/model.safetensors":                {Data: x},
		"two/model.safetensors.index.json":     {Data: []byte(`{"weight_map":{"a":"sub/1.safetensors"}}`)},
		"two/sub/1.safetensors":                {Data: x},
		"empty/config.json":                    {Data: []byte("{}")},
		"damaged/model.safetensors":            {Data: x[:20]},
		"nothing/model.safetensors":            {},
		"folder/model.safetensors/config.json": {},
	}
	for _, c := range []struct{ name, path, err string }{
		{"one", "one/model.safetensors", ""},
		{"one/model.safetensors", "one/model.safetensors", ""},
		{"two", "two/sub/1.safetensors", ""},
		{"empty", "", "empty: holds no weights file"},
		{"damaged", "", "damaged/model.safetensors: "},
		{"nothing", "", "nothing/model.safetensors: "},
		{"folder", "", `"folder/model.safetensors" cannot be read: it is a folder`},
		{"none", "", "none: file does not exist"},
	} {
		f, err := OpenFS(fsys, c.name)
		if c.err != "" {
			wantError(t, err, nil, c.err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Paths(), []string{c.path}) {
			t.Errorf("%s: opened %q, want %s", c.name, f.Paths(), c.path)
		}
		sum := sha256.Sum256(x)
		if got, err := f.SHA256(t.Context()); err != nil || got != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: hash %s, %v, want %x", c.name, got, err, sum)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	x := F32("x", []int{1}, []float32{1})
	for _, c := range []struct {
		name     string
		tensors  []Tensor
		metadata map[string]string
		want     string
	}{
		{"a name twice", []Tensor{x, x}, nil, `"x": want a name of its own`},
		{"the metadata's name", []Tensor{F32(metaKey, nil, []float32{1})}, nil, "want a name of its own"},
		{"a name not in UTF-8", []Tensor{F32("\xff", nil, []float32{1})}, nil, "in UTF-8"},
		{"metadata not in UTF-8", nil, map[string]string{"a": "\xff"}, "want UTF-8"},
		{"unknown type", []Tensor{{Name: "x", DType: "F31"}}, nil, `unknown type "F31"`},
		{"negative length", []Tensor{{Name: "x", DType: "F32", Shape: []int{-1, -1}}}, nil, "no size of memory"},
		{"too large", []Tensor{{Name: "x", DType: "F32", Shape: []int{math.MaxInt, 2}}}, nil, "no size of memory"},
		{"too large together", []Tensor{{Name: "x", DType: "U8", Shape: []int{math.MaxInt}},
			{Name: "y", DType: "U8", Shape: []int{math.MaxInt}}}, nil, "no room"},
		{"no data", []Tensor{{Name: "x", DType: "F32", Shape: []int{1}}}, nil, "has 0 bytes of data, want 4"},
		{"more data than shape", []Tensor{F32("x", []int{1}, []float32{1, 2})}, nil, "has 8 bytes of data, want 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, Write(new(bytes.Buffer), c.tensors, c.metadata), nil, c.want)
		})
	}
}

// Law: a file written in pieces is the file written at once.
func TestWriterStreams(t *testing.T) {
	data := make([]float32, 1000)
	rng.Normals(rng.Stream(1, "test"), data)
	want := encode(t, []Tensor{F32("latents", []int{10, 100}, data)}, map[string]string{"class": "n01440764"})

	var b bytes.Buffer
	w, err := NewWriter(&b, []Tensor{{Name: "latents", DType: "F32", Shape: []int{10, 100}}},
		map[string]string{"class": "n01440764"})
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(data, 37) {
		wantError(t, w.Close(), nil, "missing")
		if err := w.WriteFloat32s(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	wantError(t, w.WriteFloat32s([]float32{1}), nil, "want at most 0")
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("the file differs from that of Write")
	}
}

// TestMetadataOfNone: null and {} are no metadata, wherever they stand.
func TestMetadataOfNone(t *testing.T) {
	for _, header := range []string{
		`{"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
		`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":null}`,
		`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__": {} }`,
		`{"__metadata__":  null  ,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   `,
	} {
		f := open(t, put(t, "x.safetensors", file(header, 1)))
		if len(f.Metadata()) != 0 || !slices.Equal(f.Names(), []string{"a"}) {
			t.Errorf("%s: metadata %q, tensors %q", header, f.Metadata(), f.Names())
		}
	}
}
