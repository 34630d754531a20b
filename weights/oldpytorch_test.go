package weights_test

import (
	"bytes"
	"slices"
	"testing"

	"mgd3/internal/fixtures/pytorch"
)

// old returns a file of the older kind, of these pickles after the magic number and of more bytes.
func old(after []byte, pickles ...any) []byte {
	content := pytorch.Archive{}.Old()[:15]
	for _, p := range pickles {
		content = append(content, pytorch.Pickle(p)...)
	}
	return append(content, after...)
}

func TestHostileOldFiles(t *testing.T) {
	s := &pytorch.Storage{Key: "0", DType: "F32", Count: 1}
	state := pytorch.Pairs("x", s.Tensor(0, []int{1}, []int{1}))
	system := pytorch.Pairs("little_endian", true)
	stored := append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, 0, 0, 0x80, 0x3f)
	if _, err := openBytes(old(stored, 1001, system, state, pytorch.List{"0"})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"the magic number alone": {old(nil), "pickle 2 of 5"},
		"another protocol":       {old(stored, 1000, system, state, pytorch.List{"0"}), "not 1001"},
		"protocol as text":       {old(stored, "1001", system, state, pytorch.List{"0"}), "not 1001"},
		"big-endian": {old(stored, 1001, pytorch.Pairs("little_endian", false), state, pytorch.List{"0"}),
			"big-endian"},
		"harmful before the rest": {old(stored, pytorch.Call{Function: pytorch.Global("os system"),
			Args: pytorch.Tuple{"true"}}), `"os.system"`},
		"harmful keys": {old(stored, 1001, system, state,
			pytorch.Call{Function: pytorch.Global("os system")}), `"os.system"`},
		"keys in a dict":  {old(stored, 1001, system, state, pytorch.Dict{}), "no list of keys"},
		"a key by number": {old(stored, 1001, system, state, pytorch.List{0}), "every storage once"},
		"a key twice": {old(append(stored, stored...), 1001, system, state, pytorch.List{"0", "0"}),
			"every storage once"},
		"another key": {old(stored, 1001, system, state, pytorch.List{"1"}), "every storage once"},
		"no keys": {old(nil, 1001, system, state, pytorch.List{}),
			`its storage "0" is not in the file`},
		"no storages": {old(nil, 1001, system, state, pytorch.List{"0"}), "cut short"},
		"half a storage": {old(stored[:10], 1001, system, state, pytorch.List{"0"}),
			"1 elements of F32, the file has 2 bytes"},
		"2^64-1 elements": {old(bytes.Repeat([]byte{255}, 12), 1001, system, state, pytorch.List{"0"}),
			"18446744073709551615 elements"},
		"2^62 elements": {old(append([]byte{0, 0, 0, 0, 0, 0, 0, 0x40}, 1, 2, 3, 4), 1001, system, state,
			pytorch.List{"0"}), "4611686018427387904 elements"},
		"more after it": {old(append(slices.Clone(stored), 0), 1001, system, state, pytorch.List{"0"}),
			"the file at"},
		"another pickle": {pytorch.Pickle(state), "not one of torch.save's"},
		"protocol 5":     {append([]byte("\x80\x05"), old(nil)[2:]...), "pickle 2 of 5"},
		"protocol 5 in a frame": {append([]byte("\x80\x05\x95\x0d\x00\x00\x00\x00\x00\x00\x00"), old(nil)[2:]...),
			"pickle 2 of 5"},
		"a frame without a number": {[]byte("\x80\x05\x95\x0d\x00\x00\x00\x00\x00\x00\x00"),
			"a pickle, but not one of torch.save's"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(c.content)
			wantFormat(t, err, "x.pt", c.want)
		})
	}
}

// TestOldViews: before PyTorch 0.4 a storage could be a part of another.
func TestOldViews(t *testing.T) {
	id := pytorch.Persistent{ID: pytorch.Tuple{"storage", pytorch.Global("torch ByteStorage"), "0", "cpu", 4,
		pytorch.Tuple{"1", 2, 2}}}
	tensor := pytorch.Call{Function: pytorch.Global("torch._utils _rebuild_tensor"),
		Args: pytorch.Tuple{id, 1, pytorch.Tuple{1}, pytorch.Tuple{1}}}
	f, err := openBytes(old([]byte{4, 0, 0, 0, 0, 0, 0, 0, 10, 11, 12, 13}, 1001, pytorch.Dict{},
		pytorch.Pairs("x", tensor), pytorch.List{"0"}))
	if err != nil {
		t.Fatal(err)
	}
	if x, err := f.Tensor("x"); err != nil || !slices.Equal(x.Bytes(), []byte{13}) {
		t.Errorf("%v, %v, want the last byte", x.Bytes(), err)
	}
}
