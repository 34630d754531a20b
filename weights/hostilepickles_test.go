package weights_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// hostilePickles lists objects and opcodes, and what the error must say.
func hostilePickles() map[string]struct{ pickle, want string } {
	one := &pytorch.Storage{Key: "0", DType: "F32", Count: 1}
	tensor := one.Tensor(0, []int{1}, []int{1})
	dict := func(v any) string { return string(pytorch.Pickle(pytorch.Pairs("x", v))) }
	call := func(global string, args ...any) string {
		return dict(pytorch.Call{Function: pytorch.Global(global), Args: args})
	}
	id := func(id ...any) string {
		return call("torch._utils _rebuild_tensor_v2", pytorch.Persistent{ID: id}, 0, pytorch.Tuple{1},
			pytorch.Tuple{1})
	}
	float := pytorch.Global("torch FloatStorage")
	text := func(n uint32) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, n)) }
	const start = "\x80\x02"
	stacked := func(module, name string) string {
		return "\x8c" + string(byte(len(module))) + module + "\x8c" + string(byte(len(name))) + name + "\x93"
	}
	return map[string]struct{ pickle, want string }{
		"os.system":               {call("os system", "true"), `"os.system", which no weights need`},
		"posix.system":            {call("posix system", "true"), `"posix.system"`},
		"eval":                    {call("builtins eval", "1"), `"builtins.eval"`},
		"eval of Python 2":        {call("__builtin__ eval", "1"), `"__builtin__.eval"`},
		"getattr":                 {call("builtins getattr", "x", "y"), `"builtins.getattr"`},
		"a name that is not used": {start + "cos\nsystem\n.", `"os.system"`},
		"a whole model": {string(pytorch.Pickle(pytorch.Build{Object: pytorch.New{Class: "__main__ Net"},
			State: pytorch.Dict{}})), `"__main__.Net", which no weights need: it may be a whole model`},
		"TorchScript": {call("__torch__ Net"), `"__torch__.Net"`},
		"what gopickle builds in": {call("array _array_reconstructor", 1, "h", -1, "x"),
			`"array._array_reconstructor"`},
		"a reconstructor": {call("copy_reg _reconstructor", 1, 2), `"copy_reg._reconstructor"`},
		"a dotted name": {call("torch _utils._rebuild_tensor_v2.__globals__"),
			`"torch._utils._rebuild_tensor_v2.__globals__"`},
		"a long name":        {call("os " + strings.Repeat("x", 1000)), "of more than 200 bytes"},
		"a name without end": {start + "cos", "a name without an end"},
		"a call of text": {string(pytorch.Pickle(pytorch.Call{Function: strings.Repeat("x", 5000)})),
			"not in order"},
		"a call of a number":    {start + "K\x01)R.", "not in order"},
		"a call of a type":      {call("torch FloatStorage"), "not in order"},
		"an object of a tensor": {start + "(K\x01K\x02l.", "opcode 0x6c"},

		"empty":                {"", "are missing"},
		"no end":               {start + "}", "are missing"},
		"nothing on the stack": {start + ".", "not in order"},
		"a number":             {start + "K\x01.", "holds no dict"},
		"a list of tensors":    {string(pytorch.Pickle(pytorch.List{tensor})), "holds no dict"},
		"no tensors": {dict("text"),
			`holds no tensors: want a dict of them by name, or one under a key such as "state_dict", "model", ` +
				`"model_state_dict"`},
		"a tensor under a number": {string(pytorch.Pickle(pytorch.Pairs(1, tensor))), "holds no tensors"},
		"a name twice": {string(pytorch.Pickle(pytorch.Pairs("x", tensor, "x", tensor))),
			`"x" is given twice`},
		"odd items":  {start + "}(K\x01u.", "not in order"},
		"protocol 0": {"(dp0\n.", "opcode 0x64"},
		"protocol 1": {"\x80\x01}.", "protocol 1, want 2 to 5"},
		"protocol 4": {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00}.", "holds no tensors"},
		"protocol 6": {"\x80\x06}.", "protocol 6, want 2 to 5"},
		"opcode 255": {start + "\xff.", "opcode 0xff"},
		"a frame of 2^63 bytes": {start + "\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
			"the next 9223372036854775807 bytes of it are missing"},
		"a frame of one more": {start + "\x95\x03\x00\x00\x00\x00\x00\x00\x00}.",
			"the next 3 bytes of it are missing"},
		"frames alone": {start + strings.Repeat("\x95\x00\x00\x00\x00\x00\x00\x00\x00", 1000) + ".",
			"not in order"},
		"bytes of 4 GB": {start + "B\xff\xff\xff\xff.", "the next 4294967295 bytes of it are missing"},
		"bytes of 2^64-1": {start + "\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
			"the next 18446744073709551615 bytes of it are missing"},
		"text of 2^63": {start + "\x8d\x00\x00\x00\x00\x00\x00\x00\x80.",
			"the next 9223372036854775808 bytes of it are missing"},
		"an array of 2^40": {start + "\x96\x00\x00\x00\x00\x00\x01\x00\x00.",
			"the next 1099511627776 bytes of it are missing"},
		"a buffer outside": {start + "\x97.", "opcode 0x97"},
		"an extension":     {start + "\x82\x01.", "opcode 0x82"},

		"os.system from the stack": {start + stacked("os", "system") + ".", `"os.system", which no weights need`},
		"eval from the memo": {start + "\x8c\x08builtins\x94\x8c\x04eval\x94}h\x00h\x01\x93s.",
			"not in order"},
		"a call of eval from the memo": {start +
			"}\x8c\x08builtins\x94\x8c\x04eval\x940h\x00h\x01\x93\x8c\x011\x85Rs.", "opcode 0x30"},
		"called from the stack": {start + "}\x8c\x01x" + stacked("os", "system") + "\x8c\x04true\x85Rs.",
			`"os.system", which no weights need`},
		"made with named arguments": {start + "}\x8c\x01x" + stacked("subprocess", "Popen") + ")}\x92s.",
			`"subprocess.Popen", which no weights need`},
		"a name of one string":          {start + "\x8c\x02os\x93.", "a name that is not two strings"},
		"a name of nothing":             {start + "\x93.", "a name that is not two strings"},
		"a name of numbers":             {start + "K\x01K\x02\x93.", "a name that is not two strings"},
		"a name of bytes":               {start + "C\x02osC\x06system\x93.", "a name that is not two strings"},
		"a name with something between": {start + "\x8c\x02os}\x8c\x06system\x93.", "a name that is not two strings"},
		"a name across a mark":          {start + "\x8c\x02os(\x8c\x06system\x93.", "a name that is not two strings"},
		"a name with lines": {start + stacked("os\nsystem\n)R", "x") + ".",
			"a name that is not two strings"},
		"a long name from the stack": {start + text(201) + strings.Repeat("x", 201) + "\x8c\x06system\x93.",
			"a name that is not two strings"},
		"a name that was changed":     {start + "\x8c\x02os\x8c\x06systemNb\x93.", "a name that is not two strings"},
		"a memo of nothing":           {start + "\x94.", "the memo takes what was changed"},
		"a set without a mark":        {start + "\x8f\x90.", "an end without a mark"},
		"a frozen set without a mark": {start + "\x91.", "an end without a mark"},
		"items of a dict as a set's":  {start + "}(K\x01\x90.", "not in order"},
		"a set of tensors":            {start + "\x8f(K\x01\x90.", "holds no dict"},
		"a bomb of names": {start + "\x8c\xc8" + strings.Repeat("x", 200) + "\x94" +
			strings.Repeat("h\x00h\x00\x93", 50000) + ".", "more than 16777216 bytes of text"},
		"a bomb of memos, by number": {start + text(1<<20) + strings.Repeat("x", 1<<20) + "\x94" +
			strings.Repeat("h\x00\x94", 1000) + "t)R.", "more than 16777216 bytes of text"},

		"text of 4 GB":          {start + text(math.MaxUint32) + ".", "the next 4294967295 bytes of it are missing"},
		"a number of 0 bytes":   {start + "\x8a\x00.", "a number of 0 bytes"},
		"a number of 255 bytes": {start + "\x8a\xff1.", "are missing"},
		"a memo that is not":    {start + "h\x05.", "the memo has no 5"},
		"an end without a mark": {start + "}u.", "an end without a mark"},
		"nested":                {start + strings.Repeat("(", 1000), "more than 100 objects in each other"},
		"nested tuples":         {start + ")" + strings.Repeat("\x85", 100000) + ".", "holds no dict"},
		"in itself":             {start + "}q\x00K\x01h\x00s.", "holds no tensors"},
		"a call of itself":      {start + "]q\x00h\x00ah\x00)R.", "holds no dict"},
		"bomb of text": {start + text(1<<20) + strings.Repeat("x", 1<<20) + "q\x000(" +
			strings.Repeat("h\x00", 1000) + "t)R.", "opcode 0x30"},
		"bomb of memos": {start + text(1<<20) + strings.Repeat("x", 1<<20) + "q\x00" +
			strings.Repeat("h\x00", 1000) + "t)R.", "more than 16777216 bytes of text"},
		"bomb under a list": {start + "]" + text(1<<20) + strings.Repeat("x", 1<<20) + "\x85Rq\x00" +
			strings.Repeat("h\x00", 1000) + "t)R.", "more than 16777216 bytes of text"},
		"bomb under a state": {start + text(1<<20) + strings.Repeat("x", 1<<20) + "Nbq\x00" +
			strings.Repeat("h\x00", 1000) + ".", "the memo takes what was changed"},
		"bomb of dicts": {start + strings.Repeat("}", 1<<21+1) + ".", "more than 2097152 opcodes"},
		"bomb of pairs": {start + "](" + strings.Repeat("](K\x01K\x02e", 1000) + "eq\x00" +
			strings.Repeat("ccollections\nOrderedDict\nh\x00\x85R", 10000) + ".", "holds no tensors"},

		"a storage by number": {id(1, float, "0", "cpu", 1), "no storage"},
		"a storage of a class": {id("storage", pytorch.Global("collections OrderedDict"), "0", "cpu", 1),
			"without type, key"},
		"a storage without size": {id("storage", float, "0", "cpu"), "no storage"},
		"a storage of text":      {id("storage", float, "0", "cpu", "1"), "without type, key"},
		"a module":               {id("module", float, "x.py", "code"), "no storage"},
		"a view of a storage": {id("storage", float, "0", "cpu", 1, pytorch.Tuple{"1", -1, 1}),
			"1 elements from -1 on"},
		"a view past the storage": {id("storage", float, "0", "cpu", 1, pytorch.Tuple{"1", 1, math.MaxInt64}),
			"9223372036854775807 elements from 1 on"},
		"half a view": {id("storage", float, "0", "cpu", 1, pytorch.Tuple{"1"}),
			"a storage's view without"},
		"a large storage":     {id("storage", float, "0", "cpu", 2), "2 elements from 0 on, the file has 1"},
		"a huge storage":      {id("storage", float, "0", "cpu", math.MaxInt64), "9223372036854775807 elements"},
		"a negative storage":  {id("storage", float, "0", "cpu", -1), "-1 elements"},
		"another key":         {id("storage", float, "../0", "cpu", 1), `its storage "../0" is not in the file`},
		"a tensor of nothing": {call("torch._utils _rebuild_tensor_v2"), "a tensor of 0 arguments"},
		"a tensor of text": {call("torch._utils _rebuild_tensor_v2", "x", 0, pytorch.Tuple{}, pytorch.Tuple{}),
			"without storage"},
		"a shape of text": {call("torch._utils _rebuild_tensor", tensor.Args[0], 0, "x", pytorch.Tuple{}),
			"without storage"},
		"fewer strides": {call("torch._utils _rebuild_tensor", tensor.Args[0], 0, pytorch.Tuple{1},
			pytorch.Tuple{}), "without storage"},
		"65 axes": {call("torch._utils _rebuild_tensor", tensor.Args[0], 0, make(pytorch.Tuple, 65),
			make(pytorch.Tuple, 65)), "without storage"},
		"a parameter of text": {call("torch._utils _rebuild_parameter", "x", true), "a parameter without a tensor"},
		"a shape of a number": {call("torch Size", 1), "a shape that is no tuple"},
		"a dict of a number":  {call("collections OrderedDict", 1), "OrderedDict of something else"},
	}
}

// zipOf returns an archive with this pickle and a storage 0 of one float32.
func zipOf(pickle string) []byte {
	var b bytes.Buffer
	z := pytorch.NewZip(&b, "x")
	z.Add("data.pkl", []byte(pickle))
	z.Add("data/0", make([]byte, 4))
	z.Close()
	return b.Bytes()
}

// TestHostilePickles: each is an error that says why, and costs memory in proportion to the file.
func TestHostilePickles(t *testing.T) {
	for name, c := range hostilePickles() {
		t.Run(name, func(t *testing.T) {
			content := zipOf(c.pickle)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := openBytes(content)
			runtime.ReadMemStats(&after)
			wantFormat(t, err, "x.pt", c.want)
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20+200*uint64(len(content)) {
				t.Errorf("it took %d bytes of memory for %d of file", used, len(content))
			}
		})
	}
}

// FuzzPickle: whatever the pickle, an archive of it is read or refused, and so are the networks in it. The archive's
// sum of it is right, which that of an input of FuzzPyTorch seldom is.
func FuzzPickle(f *testing.F) {
	for _, c := range hostilePickles() {
		if len(c.pickle) < 1<<12 {
			f.Add([]byte(c.pickle))
		}
	}
	one := &pytorch.Storage{Key: "0", DType: "F32", Count: 1, Data: make([]byte, 4)}
	state := pytorch.Pairs("blocks.0.gamma1", one.Tensor(0, []int{1}, []int{1}), "blocks.0.attn.proj.weight",
		one.Tensor(0, []int{1, 1}, []int{1, 1}))
	path := pytorch.Call{Function: pytorch.Global("pathlib PosixPath"), Args: pytorch.Tuple{"x"}}
	for _, v := range []any{
		pytorch.Pairs("model", state, "ema", pytorch.Pairs("shadow_params",
			pytorch.List{state[0].Value, state[1].Value}), "args", path),
		pytorch.Pairs("state_dict", state, "model_ema", pytorch.Filled(path, state)),
		pytorch.Pairs("one", state, "two", state),
	} {
		f.Add(pytorch.Pickle(v))
	}
	for name, content := range torchSaved(f) {
		if archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
			pickle, err := fs.ReadFile(archive, strings.TrimSuffix(name, ".pt")+"/data.pkl")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(pickle)
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		file, err := openBytes(zipOf(string(pickle)))
		if err != nil {
			if !errors.Is(err, weights.ErrFormat) && !errors.Is(err, weights.ErrChoice) {
				t.Fatalf("%v wraps neither %v nor %v", err, weights.ErrFormat, weights.ErrChoice)
			}
			return
		}
		for _, names := range []func(*weights.File) (*weights.Set, error){weights.DiT, weights.Autoencoder,
			weights.Torchvision, weights.TAESD, weights.Perceptual} {
			set, err := names(file)
			if err != nil {
				continue
			}
			for _, name := range set.Names() {
				_, _ = set.Float32s(name) // whole numbers are an error
			}
		}
	})
}
