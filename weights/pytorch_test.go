package weights_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
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
