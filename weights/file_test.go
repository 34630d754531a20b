package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
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

func TestConversions(t *testing.T) {
	tensors, metadata := sample()
	f := open(t, put(t, "x.safetensors", encode(t, tensors, metadata)))
	for _, c := range []struct {
		name   string
		floats []float32 // nil: an error
		exact  []float64
		ints   []int64
	}{
		{name: "empty", floats: []float32{}, exact: []float64{}},
		{name: "scalar", floats: []float32{math.Pi}, exact: []float64{math.Pi}},
		{name: "half", floats: []float32{1, -2}, exact: []float64{1, -2}},
		{name: "brain \"<é>\"", floats: []float32{1, -2}, exact: []float64{1, -2}},
		{name: "bytes", ints: []int64{1, 2, 255}},
		{name: "ids", ints: []int64{math.MinInt64, 7}},
	} {
		tensor, err := f.Tensor(c.name)
		if err != nil {
			t.Fatal(err)
		}
		check := func(got, want any, err error) {
			t.Helper()
			if reflect.ValueOf(want).IsNil() {
				wantError(t, err, nil, fmt.Sprintf("%q has type %s, want", c.name, tensor.DType))
			} else if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: have %v, %v, want %v", c.name, got, err, want)
			}
		}
		floats, err := tensor.Float32s()
		check(floats, c.floats, err)
		exact, err := tensor.Float64s()
		check(exact, c.exact, err)
		ints, err := tensor.Int64s()
		check(ints, c.ints, err)
	}
}

func TestIntegerTypes(t *testing.T) {
	minusOne := bytes.Repeat([]byte{255}, 8)
	for dtype, want := range map[DType]int64{
		"U8": math.MaxUint8, "I8": -1, "U16": math.MaxUint16, "I16": -1, "U32": math.MaxUint32, "I32": -1, "I64": -1,
	} {
		got, err := Raw("x", dtype, []int{1}, minusOne[:sizes[dtype]]).Int64s()
		if err != nil || !slices.Equal(got, []int64{want}) {
			t.Errorf("%s: have %v, %v, want %d", dtype, got, err, want)
		}
	}
}

func TestConvertWithoutItsBytes(t *testing.T) {
	for _, x := range []Tensor{
		{Name: "x", DType: "F32", Shape: []int{2}},
		{Name: "x", DType: "F32", Shape: []int{0}},
		Raw("x", "F32", []int{1}, []byte{1, 2, 3}),
		Raw("x", "F31", []int{1}, []byte{1, 2, 3, 4}),
	} {
		_, err := x.Float32s()
		wantError(t, err, nil, `tensor "x" has`, "want those of shape")
	}
}

// Every binary16 is (−1)^s · 2^(e−15) · (1 + f/1024), or (−1)^s · 2⁻¹⁴ · f/1024 for e = 0.
func TestHalfIsExact(t *testing.T) {
	for h := range 1 << 16 {
		sign, e, f := 1.0-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1+f/1024, e-15)
		switch {
		case e == 0:
			want = math.Copysign(math.Ldexp(f/1024, -14), sign)
		case e == 31 && f == 0:
			want = math.Inf(int(sign))
		case e == 31:
			want = math.NaN()
		}
		got := float64(half(uint16(h)))
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%#04x: have %v, want %v", h, got, want)
		}
	}
}

// file returns a file with this header and that many bytes of data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// hostile lists damaged files and what the error must say.
var hostile = []struct {
	name    string
	content []byte
	want    string
}{
	{"empty", nil, "it is empty"},
	{"seven bytes", make([]byte, 7), "7 bytes, all zero"},
	{"no header", make([]byte, 8), "8 bytes, all zero"},
	{"length 2^63-1", []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"), "9223372036854775807 bytes, the file has 2"},
	{"length 2^63", []byte("\x00\x00\x00\x00\x00\x00\x00\x80{}"), "9223372036854775808 bytes, the file has 2"},
	{"length 2^64-1", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "18446744073709551615 bytes, the file has 2"},
	{"length 2^64-8", []byte("\xf8\xff\xff\xff\xff\xff\xff\xff{}"), "18446744073709551608 bytes, the file has 2"},
	{"header longer than the file", []byte("\x03\x00\x00\x00\x00\x00\x00\x00{}"), "3 bytes, the file has 2"},
	{"the beginning of a zip", []byte("PK\x03\x04\x00\x00\x08\x08\x00\x00"), "a zip without its end"},
	{"space before the header", file(` {}`, 0), "not a JSON object"},
	{"an array", file(`[]`, 0), "not a JSON object"},
	{"not UTF-8", file("{\"\xff\":1}", 0), "not a JSON object in UTF-8"},
	{"cut short", file(`{"a":{"dtype":"F32","shape":[1]`, 4), "unexpected EOF"},
	{"text after it", file(`{}x`, 0), "more than one"},
	{"two objects", file(`{}{}`, 0), "more than one"},
	{"nested deeply", file(`{"a":{"shape":`+strings.Repeat("[", 20000), 0), "depth"},
	{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, 0), `"__metadata__": "a": have a number, want text`},
	{"metadata of lists", file(`{"__metadata__":{"a":["1"]}}`, 0), `"__metadata__": "a": have an array, want text`},
	{"metadata of objects", file(`{"__metadata__":{"a":{"b":"1"}}}`, 0),
		`"__metadata__": "a": have an object, want text`},
	{"metadata of null", file(`{"__metadata__":{"a":null}}`, 0), `"__metadata__": "a": have null, want text`},
	{"metadata of booleans", file(`{"__metadata__":{"a":true}}`, 0), `"__metadata__": "a": have a bool, want text`},
	{"metadata is a list", file(`{"__metadata__":[]}`, 0), `"__metadata__": have an array, want a JSON object`},
	{"metadata is a number", file(`{"__metadata__":7}`, 0), `"__metadata__": have 7, want a JSON object`},
	{"metadata is text", file(`{"__metadata__":"pt"}`, 0), `"__metadata__": have the text "pt", want a JSON object`},
	{"metadata null twice", file(`{"__metadata__":null,"__metadata__":null}`, 0), "given twice"},
	{"a tensor that is null", file(`{"a":null}`, 0), `tensor "a": have null, want a JSON object`},
	{"a type that is a number", file(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}}`, 1),
		`tensor "a": have a number, want the name of a type`},
	{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "given twice"},
	{"metadata key twice", file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), "given twice"},
	{"tensor twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" is given twice`},
	{"escaped tensor twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" is given twice`},
	{"field twice", file(`{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, 1),
		`"dtype" is given twice`},
	{"field in capitals", file(`{"a":{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `field "DTYPE"`},
	{"not an entry", file(`{"a":3}`, 0), "want a JSON object"},
	{"no type", file(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 1), `unknown type ""`},
	{"unknown type", file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4), `unknown type "F31"`},
	{"no shape", file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "no shape"},
	{"shape null", file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1), "no shape"},
	{"length null", file(`{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,0]}}`, 0), "axis 0"},
	{"length negative", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), "number -1"},
	{"lengths negative", file(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 1), "number -1"},
	{"length 1.5", file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1), "number 1.5"},
	{"length as string", file(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1), "string"},
	{"length 2^63", file(`{"a":{"dtype":"U8","shape":[9223372036854775808,0],"data_offsets":[0,0]}}`, 0), "axis 0"},
	{"length 2^64", file(`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,0]}}`, 0),
		"18446744073709551616"},
	{"product 2^64", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"no size of memory"},
	{"bytes 2^64", file(`{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0),
		"no size of memory"},
	{"product past 2^64, then 0", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`,
		0), "no size of memory"},
	{"no offsets", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1), "want two data_offsets"},
	{"one offset", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), "want two data_offsets"},
	{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 1), "want two data_offsets"},
	{"offset null", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[null,1]}}`, 1), "want two data_offsets"},
	{"offset negative", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1), "number -1"},
	{"offsets reversed", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "[1 0]"},
	{"offset past the end", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1),
		"the bytes of data in the file"},
	{"offsets near 2^64", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]}}`, 1), "the bytes of data in the file"},
	{"shape too small", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8), "span 8 bytes, want 4"},
	{"shape too large", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "span 8 bytes, want 12"},
	{"gap at the start", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "begins at 1, want 0"},
	{"gap between", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), "begins at 2, want 1"},
	{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), `tensor "b": its data begins at 1, within`},
	{"the same data twice", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2), "within"},
	{"truncated data", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7), "≤ 7"},
	{"bytes after the data", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 9),
		"end at byte 8 of the data, the file at 9"},
	{"data without tensors", file(`{}`, 1), "the file at 1"},
}

func TestHostileFiles(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			path := put(t, "x.safetensors", c.content)
			_, err := Open(path)
			wantError(t, err, ErrFormat, path, c.want)
		})
	}
}

// A header over the limit is refused before it is parsed; the file has a hole in place of it.
func TestHugeHeader(t *testing.T) {
	path := put(t, "x.safetensors", binary.LittleEndian.AppendUint64(nil, maxHeader+1))
	if err := os.Truncate(path, maxHeader+100); err != nil {
		t.Skip(err)
	}
	_, err := Open(path)
	wantError(t, err, ErrFormat, path, "want at most 100000000")
}

func TestEveryTruncationIsAnError(t *testing.T) {
	tensors, metadata := sample()
	content := encode(t, tensors, metadata)
	path := put(t, "x.safetensors", content)
	for n := len(content) - 1; n >= 0; n-- {
		if err := os.Truncate(path, int64(n)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrFormat) {
			t.Fatalf("%d of %d bytes: %v, want %v", n, len(content), err, ErrFormat)
		}
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

func TestShards(t *testing.T) {
	one := encode(t, []Tensor{F32("a", []int{1}, []float32{1}), F32("b", []int{1}, []float32{2})},
		map[string]string{"format": "pt"})
	two := encode(t, []Tensor{F32("c", []int{1}, []float32{3})}, nil)
	for _, c := range []struct {
		name, index, want string // want: words of the error; empty: opens
	}{
		{"sound", `{"metadata":{"total_size":12},"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"sub/2.safetensors"}}`, ""},
		{"absent tensor", `{"weight_map":{"a":"1.safetensors","b":"1.safetensors","d":"1.safetensors"}}`,
			`"d" is not in 1.safetensors`},
		{"unlisted tensor", `{"weight_map":{"a":"1.safetensors"}}`,
			`"b" lies in 1.safetensors, the index has it in nowhere`},
		{"wrong shard", `{"weight_map":{"a":"1.safetensors","b":"sub/2.safetensors","c":"sub/2.safetensors"}}`,
			`"b" lies in 1.safetensors, the index has it in sub/2.safetensors`},
		{"missing shard", `{"weight_map":{"a":"3.safetensors"}}`, "3.safetensors"},
		{"shard above", `{"weight_map":{"a":"../1.safetensors"}}`, "outside"},
		{"shard above, hidden", `{"weight_map":{"a":"sub/../../1.safetensors"}}`, "outside"},
		{"shard at the root", `{"weight_map":{"a":"/etc/passwd"}}`, "outside"},
		{"shard without name", `{"weight_map":{"a":""}}`, "outside"},
		{"shard is a folder", `{"weight_map":{"a":"sub"}}`, "it is a folder, want a file"},
		{"tensor twice", `{"weight_map":{"a":"1.safetensors","a":"sub/2.safetensors"}}`, "given twice"},
		{"no map", `{}`, "no weight_map"},
		{"empty map", `{"weight_map":{}}`, "no weight_map"},
		{"map of numbers", `{"weight_map":{"a":1}}`, `tensor "a": have a number, want the name of a file`},
		{"not an object", `[]`, "want a JSON object"},
		{"cut short", `{"weight_map":{"a":`, "bad JSON"},
		{"empty file", ``, "bad JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{
				"model.safetensors.index.json": []byte(c.index), "1.safetensors": one, "sub/2.safetensors": two,
			} {
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777),
					os.WriteFile(path, content, 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			f, err := Open(dir)
			if c.want != "" {
				wantError(t, err, nil, dir, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if !slices.Equal(f.Names(), []string{"a", "b", "c"}) || len(f.Paths()) != 2 ||
				f.Metadata()["format"] != "pt" {
				t.Errorf("names %q, paths %q, metadata %q", f.Names(), f.Paths(), f.Metadata())
			}
			sum := sha256.Sum256(slices.Concat(one, two))
			if got, err := f.SHA256(t.Context()); err != nil || got != hex.EncodeToString(sum[:]) {
				t.Errorf("hash %s, %v, want %x", got, err, sum)
			}
		})
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

// A file that opens holds what its header says: written again and read again, it is the same.
func FuzzOpen(f *testing.F) {
	tensors, metadata := sample()
	f.Add(encode(f, tensors, metadata))
	f.Add(encode(f, nil, nil))
	f.Add(file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"shape":[1],"dtype":"I32","data_offsets":[0,4]}}   `, 4))
	for _, c := range hostile {
		f.Add(c.content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		src := &source{name: "fuzz", data: content}
		first, metadata, err := parseHeader(src)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, first, metadata); err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		second, metadata2, err := parseHeader(&source{name: "again", data: b.Bytes()})
		if err != nil {
			t.Fatalf("cannot be read again: %v", err)
		}
		if !maps.Equal(metadata, metadata2) ||
			!slices.EqualFunc(first, second, func(a, b Tensor) bool { return a.Name == b.Name && same(a, b) }) {
			t.Errorf("have %v %v, want %v %v", second, metadata2, first, metadata)
		}
		for _, x := range first {
			floats, errFloat := x.Float32s()
			ints, errInt := x.Int64s()
			if errFloat == nil && len(floats) != x.count() || errInt == nil && len(ints) != x.count() {
				t.Errorf("%s: converted to %d floats or %d ints, want %d", x.Name, len(floats), len(ints), x.count())
			}
		}
	})
}

// An index that parses names a local file for every tensor.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":12},"weight_map":{"a":"1.safetensors","c":"sub/2.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../1.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"x","a":"y"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		shardOf, err := parseIndex(text)
		if err != nil {
			return
		}
		for name, shard := range shardOf {
			if !filepath.IsLocal(shard) {
				t.Errorf("tensor %q lies in %q, outside", name, shard)
			}
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	out, err := os.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = Write(out, []Tensor{F32("linear.weight", []int{2, 2}, []float32{1, 2, 3, 4})},
		map[string]string{"format": "pt"})
	if err := errors.Join(err, out.Close()); err != nil {
		fmt.Println(err)
		return
	}

	f, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	all, err := AsIs(f).Load([]Spec{{Name: "linear.weight", Shape: []int{2, 2}}})
	fmt.Println(all, err)
	_, err = AsIs(f).Load([]Spec{{Name: "linear.weight", Shape: []int{2, 3}}, {Name: "linear.bias", Shape: []int{2}}})
	fmt.Println(strings.ReplaceAll(err.Error(), path, "model.safetensors"))
	// Output:
	// map[linear.weight:[1 2 3 4]] <nil>
	// model.safetensors: weights do not fit the model: tensor "linear.weight" has shape [2 2], want [2 3]; tensor "linear.bias" is missing, want shape [2]
}

// TestHalf: every binary16 comes back, and numbers between two go to the nearer one, or the even one.
func TestHalf(t *testing.T) {
	for h := range 0x7c00 {
		a, b := half(uint16(h)), half(uint16(h+1))
		middle := (float64(a) + float64(b)) / 2
		if h == 0x7bff {
			b, middle = float32(math.Inf(1)), 65520
		}
		even := uint16(h + h%2)
		for v, want := range map[float32]uint16{
			a:                                    uint16(h),
			float32(middle):                      even,
			math.Nextafter32(float32(middle), 0): uint16(h),
			math.Nextafter32(float32(middle), float32(math.Inf(1))): uint16(h + 1),
		} {
			if got := toHalf(v); got != want {
				t.Fatalf("%v: got %#04x, want %#04x (between %v and %v)", v, got, want, a, b)
			}
			if got := toHalf(-v); got != want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -v, got, want|0x8000)
			}
		}
	}
	if got := half(toHalf(float32(math.NaN()))); got == got {
		t.Errorf("NaN became %v", got)
	}
}

func same(a, b Tensor) bool {
	is, err := equal(a, b)
	return is && err == nil
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

// TestNoGoWords: what a user reads of a damaged header has no word of the program's own types.
func TestNoGoWords(t *testing.T) {
	for _, c := range hostile {
		_, err := Open(put(t, "x.safetensors", c.content))
		if err == nil {
			t.Fatalf("%s: no error", c.name)
		}
		for _, word := range []string{"<nil>", "unmarshal", "Go value", "interface", "uint64", "weights.", "[]*"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v says %q", c.name, err, word)
			}
		}
	}
}
