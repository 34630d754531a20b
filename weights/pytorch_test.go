package weights_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// samples are tensors of every type that torch.save knows, with all edges of shapes.
func samples() []weights.Tensor {
	return []weights.Tensor{
		weights.F32("blocks.0.weight", []int{2, 3}, []float32{0, -1, 2.5, math.MaxFloat32, 1e-45, 7}),
		weights.F16("blocks.0.bias", []int{3}, []float32{1, -2, 0.5}),
		weights.Raw("bf16", "BF16", []int{1, 2}, []byte{0x80, 0x3f, 0x00, 0xc0}),
		weights.F64("scalar", nil, []float64{math.Pi}),
		weights.F32("empty", []int{0, 7}, nil),
		weights.I64("bn1.num_batches_tracked", nil, []int64{-9}),
		weights.Raw("i32", "I32", []int{1}, []byte{1, 2, 3, 255}),
		weights.Raw("i16", "I16", []int{2}, []byte{1, 2, 3, 255}),
		weights.Raw("i8", "I8", []int{3}, []byte{1, 2, 255}),
		weights.Raw("u8", "U8", []int{3}, []byte{1, 2, 255}),
		weights.Raw("bool", "BOOL", []int{2, 1}, []byte{0, 1}),
	}
}

func safetensors(t testing.TB, list []weights.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := weights.Write(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// index names the shard of every tensor.
func index(shards map[string][]weights.Tensor) []byte {
	var entries []string
	for shard, list := range shards {
		for _, x := range list {
			entries = append(entries, fmt.Sprintf("%q: %q", x.Name, shard))
		}
	}
	return fmt.Appendf(nil, `{"metadata": {"total_size": 1}, "weight_map": {%s}}`, strings.Join(entries, ", "))
}

// TestEqualFromAllFormats: the same tensors come out of every kind of file and folder.
func TestEqualFromAllFormats(t *testing.T) {
	list := samples()
	first, second := list[:4], list[4:]
	other := pytorch.Torch([]weights.Tensor{weights.F32("other", []int{1}, []float32{1})}, nil)
	dtype := pytorch.Build{Object: pytorch.Call{Function: pytorch.Global("numpy dtype"),
		Args: pytorch.Tuple{"f8", 0, 1}}, State: pytorch.Tuple{3, "<", nil, nil, nil, -1, -1, 0}}
	encoded := pytorch.Call{Function: pytorch.Global("_codecs encode"), Args: pytorch.Tuple{"\x00\x00\x00", "latin1"}}
	numpyFloat := pytorch.Call{Function: pytorch.Global("numpy.core.multiarray scalar"),
		Args: pytorch.Tuple{dtype, encoded}}
	in := func(key string) func(any) any {
		return func(state any) any {
			return pytorch.Pairs("callbacks",
				pytorch.Pairs(pytorch.Global("pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint"),
					pytorch.Pairs("best", numpyFloat)), "epoch", 3, "global_step", 1<<40, "best_prec1", 91.78, key,
				state,
				"optimizer", pytorch.Pairs("state", pytorch.Dict{}), "hyper_parameters",
				pytorch.Pairs("name", "x", "sizes", pytorch.List{1, 2}), "lr_schedulers", pytorch.List{}, "loops", nil)
		}
	}
	torch := pytorch.Torch(list, nil)
	before21 := torch
	before21.ByteOrder, before21.Folder = "", "DiT-XL-2-256x256"
	parameters := pytorch.Torch(list, nil)
	parameters.Object = parametersOf(list, parameters.Storages)
	python2 := torch
	python2.Object = pytorch.Raw(pairsOf(list, torch.Storages))
	for name, files := range map[string]map[string][]byte{
		"safetensors": {"model.safetensors": safetensors(t, list)},
		"safetensors in shards": {"model.safetensors.index.json": index(map[string][]weights.Tensor{"a": first,
			"b": second}), "a": safetensors(t, first), "b": safetensors(t, second)},
		"zip":                    {"taef2_decoder.pth": torch.Zip()},
		"zip before PyTorch 2.1": {"DiT-XL-2-256x256.pt": before21.Zip()},
		"older kind":             {"resnet20-12fca82f.th": torch.Old()},
		"Python 2":               {"lpips_lin.pth": python2.Old()},
		"diffusers' older name":  {"diffusion_pytorch_model.bin": torch.Zip(), "config.json": []byte("{}")},
		"zips in shards": {"pytorch_model.bin.index.json": index(map[string][]weights.Tensor{"a.bin": first,
			"b.bin": second}), "a.bin": pytorch.Torch(first, nil).Zip(), "b.bin": pytorch.Torch(second, nil).Old()},
		"DiT's training":           {"0400000.pt": pytorch.Torch(list, pytorch.DiTCheckpoint(other.Object)).Zip()},
		"DiT's training, older":    {"0400000.pt": pytorch.Torch(list, pytorch.DiTCheckpoint(pytorch.Dict{})).Old()},
		"Lightning":                {"last.ckpt": pytorch.Torch(list, in("state_dict")).Zip()},
		"model in a dict":          {"best.pth": pytorch.Torch(list, in("model")).Zip()},
		"a name that says nothing": {"model.safetensors": torch.Zip()},
		"parameters":               {"parameters.pt": parameters.Zip()},
		"safetensors under a .pt":  {"x.pt": safetensors(t, list)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			f := openFile(t, dir)
			if len(f.Names()) != len(list) {
				t.Errorf("tensors %q, want %d", f.Names(), len(list))
			}
			for _, want := range list {
				got, err := f.Tensor(want.Name)
				if err != nil || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) ||
					!bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Errorf("%s: %s %v %v, %v, want %s %v %v", want.Name, got.DType, got.Shape, got.Bytes(), err,
						want.DType, want.Shape, want.Bytes())
				}
			}
		})
	}
}

// parametersOf is a dict of torch.nn.Parameter.
func parametersOf(list []weights.Tensor, storages []*pytorch.Storage) any {
	var dict pytorch.Dict
	for i, x := range list {
		tensor := storages[i].Tensor(0, x.Shape, pytorch.Strides(x.Shape))
		dict = append(dict, pytorch.Item{Key: x.Name,
			Value: pytorch.Call{Function: pytorch.Global("torch._utils _rebuild_parameter"),
				Args: pytorch.Tuple{tensor, true, pytorch.Ordered(nil)}}})
	}
	return dict
}

// pairsOf is an OrderedDict as Python 2 wrote it: made of a list of lists, with strings of bytes.
func pairsOf(list []weights.Tensor, storages []*pytorch.Storage) string {
	s := "ccollections\nOrderedDict\n]("
	for i, x := range list {
		pickled := pytorch.Pickle(storages[i].Tensor(0, x.Shape, pytorch.Strides(x.Shape)))
		pickled = pickled[2 : len(pickled)-1]
		s += "](U" + string([]byte{byte(len(x.Name))}) + x.Name + string(pickled) + "e"
	}
	return s + "e\x85R"
}

// TestViews: tensors that share a storage, with offsets and strides of all kinds.
func TestViews(t *testing.T) {
	s := &pytorch.Storage{Key: "0", DType: "U8", Count: 12, Data: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	for _, c := range []struct {
		name          string
		first         int
		shape, stride []int
		want          []byte // nil: the error
		wrong         string
	}{
		{name: "all", shape: []int{3, 4}, stride: []int{4, 1}, want: s.Data},
		{name: "a part", first: 8, shape: []int{4}, stride: []int{1}, want: s.Data[8:]},
		{name: "transposed", shape: []int{4, 3}, stride: []int{1, 4}, want: []byte{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7,
			11}},
		{name: "channels last", shape: []int{1, 2, 2, 3}, stride: []int{12, 1, 6, 2},
			want: []byte{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}},
		{name: "every other", first: 1, shape: []int{5}, stride: []int{2}, want: []byte{1, 3, 5, 7, 9}},
		{name: "expanded", first: 3, shape: []int{2, 3}, stride: []int{1, 0}, want: []byte{3, 3, 3, 4, 4, 4}},
		{name: "strides of one row", shape: []int{1, 4, 1}, stride: []int{99, 1, 77}, want: []byte{0, 1, 2, 3}},
		{name: "a scalar", first: 11, want: []byte{11}},
		{name: "nothing", first: 12, shape: []int{0}, stride: []int{1}, want: []byte{}},
		{name: "one past", first: 9, shape: []int{4}, stride: []int{1}, wrong: "ends at element 12 of 12"},
		{name: "one past, strided", shape: []int{3, 2}, stride: []int{5, 2}, wrong: "ends at element 12 of 12"},
		{name: "a scalar past", first: 12, wrong: "ends at element 12 of 12"},
		{name: "begins past", first: 13, shape: []int{0}, stride: []int{1}, wrong: "begins at element 13 of 12"},
		{name: "negative offset", first: -1, shape: []int{1}, stride: []int{1}, wrong: "begins at element -1 of 12"},
		{name: "lowest offset", first: math.MinInt64, shape: []int{1}, stride: []int{1},
			wrong: "begins at element -9223372036854775808"},
		{name: "negative stride", first: 11, shape: []int{12}, stride: []int{-1}, wrong: "strides [-1] are negative"},
		{name: "negative length", shape: []int{-1}, stride: []int{1}, wrong: "no size of memory"},
		{name: "huge", shape: []int{math.MaxInt64}, stride: []int{1}, wrong: "ends at element"},
		{name: "huge stride", shape: []int{3}, stride: []int{math.MaxInt64}, wrong: "ends at element"},
		{name: "huge strides", shape: []int{2, 2, 2}, stride: []int{1 << 62, 1 << 62, 1 << 62},
			wrong: "ends at element"},
		{name: "product past 2^64", shape: []int{1 << 32, 1 << 32}, stride: []int{0, 0}, wrong: "no size of memory"},
		{name: "a petabyte of one element", shape: []int{1 << 25, 1 << 25}, stride: []int{0, 0},
			wrong: "more than 256 MiB of copies"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := pytorch.Archive{Folder: "x", Storages: []*pytorch.Storage{s},
				Object: pytorch.Pairs("view", s.Tensor(c.first, c.shape, c.stride))}
			for kind, content := range map[string][]byte{"zip": a.Zip(), "old": a.Old()} {
				f, err := openBytes(content)
				if c.want == nil {
					wantFormat(t, err, "x.pt", `tensor "view"`, c.wrong)
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				got, err := f.Tensor("view")
				if err != nil || !slices.Equal(got.Shape, c.shape) || !bytes.Equal(got.Bytes(), c.want) {
					t.Errorf("%s: %v %v, %v, want %v", kind, got.Shape, got.Bytes(), err, c.want)
				}
			}
		})
	}
}

// TestCopiesAreBounded: many transposed views of one storage are no way to fill the memory.
func TestCopiesAreBounded(t *testing.T) {
	s := &pytorch.Storage{Key: "0", DType: "U8", Count: 1 << 16, Data: make([]byte, 1<<16)}
	dict := pytorch.Pairs("a", s.Tensor(0, []int{1 << 12, 1 << 10}, []int{0, 1})) // of one row
	for i := range 100 {
		dict = append(dict, pytorch.Item{Key: fmt.Sprint(i), Value: s.Tensor(0, []int{1 << 6, 256, 256},
			[]int{0, 1, 256})})
	}
	f, err := openBytes(pytorch.Archive{Folder: "x", Object: dict, Storages: []*pytorch.Storage{s}}.Zip())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range f.Names() {
		x, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		total += len(x.Bytes())
		if x.Fault() != "" {
			_, err := weights.AsIs(f).Float32s(name)
			wantWords(t, err, "x.pt", fmt.Sprintf("tensor %q cannot be read", name), "more than 256 MiB of copies")
		}
	}
	if limit := 1 << 28; total < limit-1<<23 || total > limit+1<<23 {
		t.Errorf("%d bytes of copies, want about %d", total, limit)
	}
}

// openBytes opens content as the file x.pt.
func openBytes(content []byte) (*weights.File, error) {
	return weights.OpenFS(fstest.MapFS{"x.pt": {Data: content}}, "x.pt")
}

func wantFormat(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, weights.ErrFormat) {
		t.Fatalf("error %v, want one that wraps %q", err, weights.ErrFormat)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

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
			`holds no tensors: want a dict of them by name, or one under a key such as "state_dict", "model", "model_state_dict"`},
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

func TestHostileZips(t *testing.T) {
	pickled := pytorch.Torch(samples(), nil)
	build := func(add func(z *pytorch.Zip)) []byte {
		var b bytes.Buffer
		z := pytorch.NewZip(&b, "x")
		add(z)
		z.Close()
		return b.Bytes()
	}
	big := pickled
	big.ByteOrder = "big"
	var deflated bytes.Buffer
	z := zip.NewWriter(&deflated)
	w, err := z.Create("x/data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Repeat("x", 100)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	patched := func(old, with string) []byte {
		content := pickled.Zip()
		if !bytes.Contains(content, []byte(old)) {
			t.Fatalf("no %q in the archive", old)
		}
		return bytes.ReplaceAll(content, []byte(old), []byte(with))
	}
	directory := bytes.Index(pickled.Zip(), []byte("PK\x01\x02"))
	past, locked := pickled.Zip(), pickled.Zip()
	locked[directory+8] |= 1
	binary.LittleEndian.PutUint32(past[directory+20:], 1<<31)
	binary.LittleEndian.PutUint32(past[directory+24:], 1<<31)
	overlap := pickled.Zip() // its first two storages lie at the same place
	first, second := bytes.LastIndex(overlap, []byte("archive/data/0")),
		bytes.LastIndex(overlap, []byte("archive/data/1"))
	copy(overlap[second-4:second], overlap[first-4:first])
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"overlapping storages": {overlap, "two files of it overlap"},
		"another zip":          {build(func(z *pytorch.Zip) { z.Add("readme", nil) }), "without NAME/data.pkl"},
		"big-endian":           {big.Zip(), `its byteorder is "big", want little`},
		"compressed":           {deflated.Bytes(), `"x/data.pkl" is compressed or encrypted`},
		"a pickle twice": {build(func(z *pytorch.Zip) { z.Add("data.pkl", nil); z.Add("data.pkl", nil) }),
			`"x/data.pkl" is there twice`},
		"a storage twice": {build(func(z *pytorch.Zip) { z.Add("data/0", nil); z.Add("data/0", nil) }),
			`"x/data/0" is there twice`},
		"two folders":         {patched("archive/data/0", "brchive/data/0"), "lies outside the folder"},
		"no folder":           {patched("archive/version", "archive_version"), "lies outside the folder"},
		"a storage is absent": {patched("archive/data/0", "archive/dbta/0"), `its storage "0" is not in the file`},
		"past the end":        {past, "the file has"},
		"encrypted":           {locked, "compressed or encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(c.content)
			wantFormat(t, err, "x.pt", c.want)
		})
	}
}

func TestEveryTruncationOfArchivesIsAnError(t *testing.T) {
	a := pytorch.Torch(samples()[:3], nil)
	for _, content := range [][]byte{a.Zip(), a.Old()} {
		for n := range content {
			if _, err := openBytes(content[:n]); !errors.Is(err, weights.ErrFormat) {
				t.Fatalf("%d of %d bytes: %v, want %v", n, len(content), err, weights.ErrFormat)
			}
		}
	}
}

// TestLargeArchive: beyond 4 GB the zip has other fields (zip64). The file has a hole in place of the large storage.
func TestLargeArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pt")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const pieces = 4<<10 + 1
	piece := make([]byte, 1<<20)
	large := &pytorch.Storage{Key: "0", DType: "F32", Count: pieces << 18}
	small := &pytorch.Storage{Key: "1", DType: "F32", Count: 1, Data: []byte{0, 0, 0x80, 0x3f}}
	z := pytorch.NewZip(&holes{file, piece}, "large")
	z.Add("data.pkl", pytorch.Pickle(pytorch.Pairs("large", large.Tensor(0, []int{pieces, 1 << 18}, []int{1 << 18, 1}),
		"small", small.Tensor(0, []int{1}, []int{1}))))
	z.Add("data/0", slices.Repeat([][]byte{piece}, pieces)...)
	z.Add("data/1", small.Data)
	z.Close()
	f := openFile(t, path)
	x, err := f.Tensor("large")
	if err != nil || len(x.Bytes()) != pieces<<20 {
		t.Errorf("large: %d bytes, %v, want %d", len(x.Bytes()), err, pieces<<20)
	}
	if x, err := f.Tensor("small"); err != nil || !bytes.Equal(x.Bytes(), small.Data) {
		t.Errorf("small: %v, %v", x.Bytes(), err)
	}
}

// holes writes a file that has a hole wherever the given piece is written.
type holes struct {
	file  *os.File
	piece []byte
}

func (h *holes) Write(p []byte) (int, error) {
	if len(p) == len(h.piece) && &p[0] == &h.piece[0] {
		_, err := h.file.Seek(int64(len(p)), io.SeekCurrent)
		return len(p), err
	}
	return h.file.Write(p)
}

// FuzzPyTorch: what can be opened at all can be written as safetensors, with the same tensors.
func FuzzPyTorch(f *testing.F) {
	a := pytorch.Torch(samples(), pytorch.DiTCheckpoint(pytorch.Dict{}))
	f.Add(a.Zip())
	f.Add(a.Old())
	s := &pytorch.Storage{Key: "0", DType: "U8", Count: 6, Data: []byte{0, 1, 2, 3, 4, 5}}
	transposed := pytorch.Archive{Folder: "x", Object: pytorch.Pairs("x", s.Tensor(0, []int{3, 2}, []int{1, 3})),
		Storages: []*pytorch.Storage{s}}
	f.Add(transposed.Zip())
	f.Add(transposed.Old())
	for _, c := range hostilePickles() {
		if len(c.pickle) < 1<<12 {
			f.Add(zipOf(c.pickle))
			f.Add(append(old(nil, 1001, pytorch.Dict{}), c.pickle...))
		}
	}
	for name, content := range torchSaved(f) {
		if strings.HasPrefix(name, "plain-") || strings.HasPrefix(name, "odds-old") {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := openBytes(content)
		if err != nil {
			if !errors.Is(err, weights.ErrFormat) && !errors.Is(err, weights.ErrChoice) {
				t.Fatalf("%v wraps neither %v nor %v", err, weights.ErrFormat, weights.ErrChoice)
			}
			return
		}
		var list []weights.Tensor
		for _, name := range file.Names() {
			x, err := file.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
		}
		var b bytes.Buffer
		if err := weights.Write(&b, list, nil); err != nil {
			if strings.Contains(err.Error(), "in UTF-8") {
				return // a pickle's text may be anything
			}
			t.Fatal(err)
		}
		again, err := openBytes(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if y, err := again.Tensor(x.Name); err != nil || x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) ||
				!bytes.Equal(x.Bytes(), y.Bytes()) {
				t.Errorf("%q: %s %v, after a round trip %s %v, %v", x.Name, x.DType, x.Shape, y.DType, y.Shape, err)
			}
		}
	})
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
