package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

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
	{"tensor twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],
		"data_offsets":[1,2]}}`, 2), `"a" is given twice`},
	{"escaped tensor twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8",
		"shape":[1],"data_offsets":[1,2]}}`, 2), `"a" is given twice`},
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
	{"offsets near 2^64", file(`{"a":{"dtype":"U8","shape":[1],
		"data_offsets":[18446744073709551614,18446744073709551615]}}`, 1), "the bytes of data in the file"},
	{"shape too small", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8), "span 8 bytes, want 4"},
	{"shape too large", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "span 8 bytes, want 12"},
	{"gap at the start", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "begins at 1, want 0"},
	{"gap between", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],
		"data_offsets":[2,3]}}`, 3), "begins at 2, want 1"},
	{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],
		"data_offsets":[1,3]}}`, 3), `tensor "b": its data begins at 1, within`},
	{"the same data twice", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],
		"data_offsets":[0,2]}}`, 2), "within"},
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

// A file that opens holds what its header says: written again and read again, it is the same.
func FuzzOpen(f *testing.F) {
	tensors, metadata := sample()
	f.Add(encode(f, tensors, metadata))
	f.Add(encode(f, nil, nil))
	f.Add(file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"shape":[1],"dtype":"I32",
		"data_offsets":[0,4]}}   `, 4))
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
