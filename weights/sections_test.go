package weights_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// network returns tensors of a network with names as they are in a checkpoint: all elements are v, so that tensors of
// several networks can be told apart.
func network(v float32, names ...string) []weights.Tensor {
	if len(names) == 0 {
		names = []string{"x_embedder.proj.weight", "blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight",
			"final_layer.linear.bias"}
	}
	var list []weights.Tensor
	for i, name := range names {
		list = append(list, weights.F32(name, []int{i + 1, 2}, slices.Repeat([]float32{v}, 2*(i+1))))
	}
	return list
}

// checkpoint builds archives of several networks.
type checkpoint struct{ storages []*pytorch.Storage }

// state is a state_dict of the tensors.
func (c *checkpoint) state(list []weights.Tensor) any { return pytorch.Ordered(c.dict(list)) }

func (c *checkpoint) dict(list []weights.Tensor) (d pytorch.Dict) {
	for i, t := range c.tensors(list) {
		d = append(d, pytorch.Item{Key: list[i].Name, Value: t})
	}
	return d
}

// tensors are those of the list, without names.
func (c *checkpoint) tensors(list []weights.Tensor) (tensors pytorch.List) {
	for _, t := range list {
		s := &pytorch.Storage{Key: fmt.Sprint(len(c.storages)), DType: t.DType,
			Count: len(t.Bytes()) / map[weights.DType]int{"F32": 4, "I64": 8}[t.DType], Data: t.Bytes()}
		c.storages = append(c.storages, s)
		tensors = append(tensors, s.Tensor(0, t.Shape, pytorch.Strides(t.Shape)))
	}
	return tensors
}

func (c *checkpoint) zip(object any) []byte {
	return pytorch.Archive{Folder: "x", ByteOrder: "little", Object: object, Storages: c.storages}.Zip()
}

func prefixed(prefix string, v float32) []weights.Tensor { return pytorch.Prefixed(prefix, network(v)) }

// TestSections: of every checkpoint the tensors are all 2, those of the average where there is one, under plain names.
func TestSections(t *testing.T) {
	const raw, average = 1, 2
	for name, c := range map[string]struct {
		build func(c *checkpoint) any
		part  string // as the note has it; "" for no note
	}{
		"state_dict_ema": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict", c.state(network(raw)), "state_dict_ema", c.state(network(average)))
		}, "state_dict_ema"},
		"average first": {func(c *checkpoint) any {
			return pytorch.Pairs("model_ema", c.state(network(average)), "model", c.state(network(raw)))
		}, "model_ema"},
		"params_ema": {func(c *checkpoint) any {
			return pytorch.Pairs("params", c.state(network(raw)), "params_ema", c.state(network(average)))
		}, "params_ema"},
		"ema_model": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "ema_model", c.state(network(average)))
		}, "ema_model"},
		"ema_state_dict": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict", c.state(network(raw)), "ema_state_dict", c.state(network(average)))
		}, "ema_state_dict"},
		"model_state_dict_ema": {func(c *checkpoint) any {
			return pytorch.Pairs("model_state_dict", c.state(network(raw)), "model_state_dict_ema",
				c.state(network(average)))
		}, "model_state_dict_ema"},
		"emaModel": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "emaModel", c.state(network(average)))
		}, "emaModel"},
		"a GAN's G_ema": {func(c *checkpoint) any {
			return pytorch.Pairs("G", c.state(network(raw)), "D", c.state(network(3, "d.weight")), "G_ema",
				c.state(network(average)))
		}, "G_ema"},
		"AveragedModel": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "swa_model",
				c.state(append(prefixed("module.", average), weights.I64("n_averaged", nil, []int64{7}))))
		}, "swa_model"},
		"averaged_model, DDP": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(prefixed("module.", raw)), "averaged_model",
				c.state(prefixed("module.module.", average)))
		}, "averaged_model"},
		"a shadow of names": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "ema",
				pytorch.Pairs("decay", 0.999, "shadow", c.state(network(average))))
		}, "ema/shadow"},
		"ModelEma of timm": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict", c.state(network(raw)), "ema",
				pytorch.Pairs("module", c.state(network(average))))
		}, "ema/module"},
		"diffusers' EMAModel": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "ema",
				pytorch.Pairs("decay", 0.9999, "optimization_step", 3, "shadow_params", c.tensors(network(average))))
		}, "ema/shadow_params"},
		"Lightning's callback": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict", c.state(prefixed("model.", raw)), "callbacks",
				pytorch.Pairs("EMACallback{'decay': 0.99}", pytorch.Pairs("ema_state_dict",
					c.state(prefixed("model.", average)))))
		}, "EMACallback"},
		"in Lightning's module": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict",
				c.state(slices.Concat(prefixed("model.", raw), prefixed("ema_model.", average))))
		}, `"ema_model"`},
		"ema_pytorch": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(raw)), "ema",
				c.state(slices.Concat(prefixed("online_model.", raw), prefixed("ema_model.", average),
					[]weights.Tensor{weights.F32("initted", nil, []float32{1})})))
		}, `"ema_model"`},
		"NeMo's optimizer": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict", c.state(network(raw)), "optimizer_states",
				pytorch.List{pytorch.Pairs("opt", pytorch.Dict{}, "ema", c.tensors(network(average)))})
		}, "optimizer_states/0/ema"},
		"an average alone": {func(c *checkpoint) any {
			return pytorch.Pairs("ema", c.state(network(average)), "epoch",
				3)
		}, ""},
		"a statistic": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(average)), "avg_metrics",
				pytorch.Pairs("loss", c.tensors(network(1, "loss"))[0]))
		}, ""},
		"an optimizer": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(average)), "optimizer",
				pytorch.Pairs("state", pytorch.Pairs("blocks.0.attn.qkv.weight",
					pytorch.Pairs("exp_avg", c.tensors(network(raw))[0]))))
		}, ""},
		"an empty average": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(average)), "ema", pytorch.Dict{})
		}, ""},
		"no average": {func(c *checkpoint) any { return pytorch.Pairs("model", c.state(network(average)), "ema", nil) },
			""},

		"model_state_dict": {func(c *checkpoint) any {
			return pytorch.Pairs("epoch", 3, "model_state_dict", c.state(network(average)), "optimizer_state_dict",
				pytorch.Dict{})
		}, ""},
		"DeepSpeed": {func(c *checkpoint) any {
			return pytorch.Pairs("module", c.state(network(average)), "ds_version", "0.14", "rng",
				c.tensors(network(1, "x"))[0])
		}, ""},
		"net": {func(c *checkpoint) any { return pytorch.Pairs("net", c.state(network(average)), "acc", 93.1) }, ""},
		"two deep": {func(c *checkpoint) any {
			return pytorch.Pairs("checkpoint", pytorch.Pairs("model", c.state(network(average))))
		}, ""},
		"any key": {func(c *checkpoint) any {
			return pytorch.Pairs("my_dit", c.state(network(average)), "loss", c.tensors(network(1, "x"))[0])
		}, ""},
		"a loss beside them": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(average)), "best_loss", c.tensors(network(1, "x"))[0])
		}, ""},
		"a dict of a class": {func(c *checkpoint) any {
			return pytorch.Pairs("model",
				pytorch.Filled(pytorch.Call{Function: pytorch.Global("easydict EasyDict"), Args: pytorch.Tuple{}},
					c.dict(network(average))))
		}, "easydict"},
		"module.": {func(c *checkpoint) any { return c.state(prefixed("module.", average)) },
			`"module.blocks.0.attn.qkv.weight" is "blocks.0.attn.qkv.weight"`},
		"_orig_mod.": {func(c *checkpoint) any { return c.state(prefixed("_orig_mod.", average)) }, "_orig_mod"},
		"model.": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict",
				c.state(prefixed("model.", average)))
		}, `"model."`},
		"stacked": {func(c *checkpoint) any { return c.state(prefixed("model.module._orig_mod.net.", average)) },
			`"model.net."`},
		"blocks compiled": {func(c *checkpoint) any {
			return c.state(network(average, "x_embedder.proj.weight", "blocks.0._orig_mod.attn.qkv.weight",
				"blocks.1._orig_mod.attn.qkv.weight", "final_layer.linear.bias"))
		}, "_orig_mod"},
		"beside losses": {func(c *checkpoint) any {
			return pytorch.Pairs("state_dict",
				c.state(slices.Concat(prefixed("model.", average), network(1, "loss.w.weight", "metric.x"))))
		}, `beside it: "loss", "metric"`},
		"an average without buffers": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(slices.Concat(network(raw), network(average, "pos_embed"))), "ema",
				c.state(network(average)))
		}, "1 tensors that the average"},
		"a list without buffers": {func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(slices.Concat(network(average, "pos_embed"), network(raw))), "ema",
				pytorch.Pairs("shadow_params", c.tensors(network(average))))
		}, "ema/shadow_params"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &checkpoint{}
			content := a.zip(c.build(a))
			f, err := openBytes(content)
			if err != nil {
				t.Fatal(err)
			}
			s, err := weights.DiT(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range network(average) {
				data, err := s.Float32s(want.Name)
				if err != nil || slices.ContainsFunc(data, func(v float32) bool { return v != average }) {
					t.Errorf("tensor %q is %v, %v, want all %d", want.Name, data, err, average)
				}
			}
			if n := len(s.Names()); n < 4 || n > 5 {
				t.Errorf("tensors %q", s.Names())
			}
			notes := strings.Join(f.Notes(), "\n")
			if (c.part == "") != (notes == "") || !strings.Contains(notes, c.part) {
				t.Errorf("notes %q, want %q", notes, c.part)
			}
		})
	}
}

// TestChoice: what cannot be told is asked for, and FILE#NAME tells it.
func TestChoice(t *testing.T) {
	two := func(c *checkpoint) any {
		return pytorch.Pairs("model", c.state(network(1)), "ema_0.999", c.state(network(2)), "ema_0.9999",
			c.state(network(3)))
	}
	flat := func(c *checkpoint) any {
		return pytorch.Pairs("state_dict", c.state(slices.Concat(prefixed("student.", 1), prefixed("model.", 2))))
	}
	for _, c := range []struct {
		name  string
		build func(c *checkpoint) any
		part  string
		value float32 // 0: an error
		says  []string
	}{
		{"two averages", two, "", 0, []string{`"ema_0.999", "ema_0.9999"`, "want one, as FILE#ema_0.999"}},
		{"one of them", two, "ema_0.9999", 3, nil},
		{"neither of them", two, "model", 1, nil},
		{"none there", two, "ema", 0, []string{`none of the name "ema"`, `"model", "ema_0.999"`}},
		{"two networks", func(c *checkpoint) any {
			return pytorch.Pairs("one", c.state(network(1)), "two",
				c.state(network(2)))
		}, "", 0, []string{`"one", "two"`}},
		{"the second", func(c *checkpoint) any {
			return pytorch.Pairs("one", c.state(network(1)), "two",
				c.state(network(2)))
		}, "two", 2, nil},
		{"by the end of its name", func(c *checkpoint) any {
			return pytorch.Pairs("a", pytorch.Pairs("x", c.state(network(1))), "b",
				pytorch.Pairs("y", c.state(network(2))))
		}, "y", 2, nil},
		{"raw beside an average", func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(1)), "ema", c.state(network(2)))
		}, "model", 1, nil},
		{"an average that is an object", func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(1)), "ema",
				pytorch.Build{Object: pytorch.New{Class: "models Net"}, State: pytorch.Dict{}})
		}, "", 0, []string{`the average "ema" is an object of "models.Net"`, "FILE#model"}},
		{"raw beside such an object", func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(1)), "ema",
				pytorch.Build{Object: pytorch.New{Class: "models Net"}, State: pytorch.Dict{}})
		}, "model", 1, nil},
		{"a list that does not fit", func(c *checkpoint) any {
			return pytorch.Pairs("model", c.state(network(1)), "ema", pytorch.Pairs("shadow_params",
				c.tensors(network(2)[:2])))
		}, "", 0, []string{`"ema/shadow_params" is a list of 2 tensors without names`}},
		{"of the names of tensors", flat, "", 0, []string{`"model", "student"`}},
		{"one of these", flat, "student", 1, nil},
		{"raw beside an average of the names",
			func(c *checkpoint) any { return c.state(slices.Concat(prefixed("ema.", 2), prefixed("net.", 1))) }, "net",
			1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &checkpoint{}
			path := putFile(t, "x.pt", a.zip(c.build(a)))
			if c.part != "" {
				path += "#" + c.part
			}
			f, err := weights.Open(path)
			var s *weights.Set
			if err == nil {
				defer f.Close()
				s, err = weights.DiT(f)
			}
			if c.value == 0 {
				wantWords(t, err, append(c.says, "x.pt")...)
				for _, p := range weights.Choices(err) {
					if p.Taken || p.Tensors == 0 {
						t.Errorf("part %+v, want one of several tensors, not taken", p)
					}
				}
				if byKeys := c.part == "" &&
					c.name != "of the names of tensors"; byKeys != (len(weights.Choices(err)) > 0) {
					t.Errorf("parts %+v", weights.Choices(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := s.Float32s("x_embedder.proj.weight")
			if err != nil || data[0] != c.value || len(s.Names()) != 4 {
				t.Errorf("%v, %v of %q, want %v", data, err, s.Names(), c.value)
			}
		})
	}
}

// TestSectionsHaveHashes: a part has the file's hash only where version 0.1 took that part.
func TestSectionsHaveHashes(t *testing.T) {
	a := &checkpoint{}
	path := putFile(t, "x.pt", a.zip(pytorch.Pairs("state_dict", a.state(network(1)), "state_dict_ema",
		a.state(network(2)))))
	hash := func(path string) string {
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sum, err := f.SHA256(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := fmt.Sprintf("%x", sha256.Sum256(content))
	if got := hash(path + "#state_dict"); got != whole {
		t.Errorf("the part that was taken before: %s, want %s", got, whole)
	}
	if got := hash(path); got == whole {
		t.Errorf("another part has the same hash, %s", got)
	}
}

func putFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
