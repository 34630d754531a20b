package weights_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// convert writes a set into a fresh folder and opens that.
func convert(t *testing.T, c weights.Conversion, s *weights.Set) *weights.File {
	t.Helper()
	dir := t.TempDir()
	shards, index, err := c.Shards(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		var b bytes.Buffer
		if err := shard.Write(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, shard.Name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if index != nil {
		if err := os.WriteFile(filepath.Join(dir, c.IndexName()), index, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return openFile(t, dir)
}

// file writes tensors to a file and opens it.
func file(t *testing.T, list []weights.Tensor) *weights.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, safetensors(t, list), 0o666); err != nil {
		t.Fatal(err)
	}
	return openFile(t, path)
}

// wantEqualFiles demands the same tensors.
func wantEqualFiles(t *testing.T, got, want *weights.File) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Errorf("tensors %q, want %q", got.Names(), want.Names())
		return
	}
	for _, name := range want.Names() {
		wantSame(t, got, name, want, name)
	}
}

// TestConversionKeeps: without a type all tensors stay as they are, in one file or in many.
func TestConversionKeeps(t *testing.T) {
	in := file(t, samples())
	for _, c := range []struct {
		limit int64
		files int
	}{{0, 1}, {1 << 40, 1}, {30, 3}, {1, len(samples()) - 1}} { // the tensor without elements needs no file of its own
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			out := convert(t, weights.Conversion{MaxShard: c.limit, Metadata: map[string]string{"licence": "MIT"}},
				weights.AsIs(in))
			wantEqualFiles(t, out, in)
			if m := out.Metadata(); len(m) != 2 || m["format"] != "pt" || m["licence"] != "MIT" {
				t.Errorf("metadata %v", m)
			}
			if len(out.Paths()) != c.files {
				t.Errorf("files %q, want %d", out.Paths(), c.files)
			}
			for _, path := range out.Paths() {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				one := openFile(t, path)
				if c.limit == 30 && len(one.Names()) > 1 && info.Size() > 30+1000 {
					t.Errorf("%s has %d bytes", path, info.Size())
				}
				if again := convert(t, weights.Conversion{Metadata: map[string]string{"licence": "MIT"}},
					weights.AsIs(one)); !sameBytes(t, again.Paths()[0], path) {
					t.Errorf("%s: written again it has other bytes", path)
				}
			}
		})
	}
}

func sameBytes(t *testing.T, a, b string) bool {
	t.Helper()
	left, errA := os.ReadFile(a)
	right, errB := os.ReadFile(b)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return bytes.Equal(left, right)
}

// TestShardNames: shards and index are named and filled as other programs do it.
func TestShardNames(t *testing.T) {
	in := file(t, []weights.Tensor{weights.F32("b", []int{2}, []float32{1, 2}),
		weights.F32("a", []int{1}, []float32{3}), weights.I64("n", nil, []int64{4})})
	shards, index, err := weights.Conversion{Name: "pytorch", MaxShard: 12}.Shards(weights.AsIs(in))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Metadata  map[string]int64  `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(index, &got); err != nil {
		t.Fatal(err)
	}
	first, second := "pytorch-00001-of-00002.safetensors", "pytorch-00002-of-00002.safetensors"
	if len(shards) != 2 || shards[0].Name != first || shards[1].Name != second {
		t.Errorf("shards %v", shards)
	}
	if got.Metadata["total_size"] != 20 || got.WeightMap["n"] != first || got.WeightMap["a"] != first ||
		got.WeightMap["b"] != second {
		t.Errorf("index %s", index)
	}
}

// TestRounding holds both types against the nearest of their two neighbours, of every type of float.
func TestRounding(t *testing.T) {
	for d, c := range map[weights.DType]struct{ largest, step float64 }{"F16": {65504, 0x1p-10},
		"BF16": {0x1.fep127, 0x1p-7}} {
		// numbers in [1, 2) are 1 + n·step; ties go to even n
		in := []float32{1, float32(1 + c.step/2), float32(1 + 1.5*c.step), float32(1 + 0.51*c.step),
			float32(-1 - 0.49*c.step), float32(2 - c.step/2),
			float32(c.largest), 0, float32(math.Copysign(0, -1)), 1e-45, float32(math.Inf(-1)), float32(math.NaN())}
		want := []float64{1, 1, 1 + 2*c.step, 1 + c.step, -1, 2, c.largest, 0, math.Copysign(0, -1), 0, math.Inf(-1),
			math.NaN()}
		var wide []float64
		for _, v := range in {
			wide = append(wide, float64(v))
		}
		out := convert(t, weights.Conversion{DType: d}, weights.AsIs(file(t, []weights.Tensor{
			weights.F32("x", []int{len(in)}, in), weights.F64("y", []int{len(in)}, wide),
			weights.I64("n", nil, []int64{1 << 40}), weights.Raw("bool", "BOOL", nil, []byte{1})})))
		for _, name := range []string{"x", "y"} {
			x, err := out.Tensor(name)
			if err != nil || x.DType != d {
				t.Fatalf("%s is %s, %v, want %s", name, x.DType, err, d)
			}
			got, err := x.Float64s()
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) &&
					!(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
					t.Errorf("%s: %s of %g is %g, want %g", name, d, in[i], got[i], want[i])
				}
			}
		}
		for name, kept := range map[string]weights.DType{"n": "I64", "bool": "BOOL"} {
			if x, err := out.Tensor(name); err != nil || x.DType != kept {
				t.Errorf("%s is %s, %v, want %s", name, x.DType, err, kept)
			}
		}
	}
}

func TestOutOfRange(t *testing.T) {
	in := file(t, []weights.Tensor{weights.F32("blocks.0.weight", []int{3},
		[]float32{65519, 65520, float32(math.Inf(1))}), weights.F32("max", nil, []float32{math.MaxFloat32})})
	for _, c := range []struct {
		dtype weights.DType
		words []string
	}{
		{"F16", []string{"x.safetensors",
			`tensor "blocks.0.weight": element 1 is 65520, the largest number of F16 is 65504`}},
		{"BF16", []string{"x.safetensors",
			`tensor "max": element 0 is 3.4028235e+38, the largest number of BF16 is 3.38`}},
	} {
		shards, _, err := weights.Conversion{DType: c.dtype}.Shards(weights.AsIs(in))
		if err != nil {
			t.Fatal(err)
		}
		err = shards[0].Write(t.Context(), io.Discard)
		if !errors.Is(err, weights.ErrRange) {
			t.Fatalf("%s: %v, want one that wraps %q", c.dtype, err, weights.ErrRange)
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", c.dtype, err, w)
			}
		}
	}
}

func TestConversionStops(t *testing.T) {
	shards, _, err := weights.Conversion{}.Shards(weights.AsIs(file(t, samples())))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shards[0].Write(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v, want %v", err, context.Canceled)
	}
}

// TestConversionStreams: a tensor of 64 MB is converted in a few. The file has a hole in place of it.
func TestConversionStreams(t *testing.T) {
	const n = 1 << 24
	header := fmt.Sprintf(`{"x":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, n, 4*n)
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...),
		0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(header)+4*n)); err != nil {
		t.Skip(err)
	}
	in := openFile(t, path)
	shards, _, err := weights.Conversion{DType: "BF16"}.Shards(weights.AsIs(in))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := shards[0].Write(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("it took %d bytes of memory", used)
	}
}

// TestToDiffusers: the names are those of the golden files from diffusers, and back again they are ours.
func TestToDiffusers(t *testing.T) {
	for _, c := range golden.Cases(t, "dit") {
		t.Run(c.Name, func(t *testing.T) {
			ours := c.Open(t, "weights_dit.safetensors")
			set, err := weights.DiT(ours)
			if err != nil {
				t.Fatal(err)
			}
			renamed, err := weights.ToDiffusers(set)
			if err != nil {
				t.Fatal(err)
			}
			diffusers := convert(t, weights.Conversion{}, renamed)
			wantEqualFiles(t, diffusers, c.Open(t, "weights_diffusers.safetensors"))
			back, err := weights.DiT(diffusers)
			if err != nil {
				t.Fatal(err)
			}
			again := convert(t, weights.Conversion{}, back)
			for _, name := range ours.Names() {
				if name != "pos_embed" { // diffusers computes it
					wantSame(t, again, name, ours, name)
				}
			}
			twice, err := weights.ToDiffusers(back) // of q, k and v that are still apart
			if err != nil {
				t.Fatal(err)
			}
			wantEqualFiles(t, convert(t, weights.Conversion{}, twice), diffusers)
		})
	}
}

func TestToDiffusersRefuses(t *testing.T) {
	for name, list := range map[string][]weights.Tensor{
		"shape [4], want a first axis": {weights.F32("blocks.0.attn.qkv.bias", []int{4}, make([]float32, 4))},
		"shape [], want a first axis":  {weights.F32("blocks.0.attn.qkv.bias", nil, []float32{1})},
		"it has a block 999999999 and 2 tenso": {weights.F32("blocks.999999999.x", nil, []float32{1}),
			weights.F32("y_embedder.x", nil, []float32{1})},
	} {
		set, err := weights.DiT(file(t, list))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := weights.ToDiffusers(set); !errors.Is(err, weights.ErrMismatch) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("have %v, want one that says %q", err, name)
		}
	}
}

// TestGoldenWeightsFromAllFormats: the models of the goldens load to the same numbers from every kind of file.
func TestGoldenWeightsFromAllFormats(t *testing.T) {
	type set = func(*weights.File) (*weights.Set, error)
	for folder, file := range map[string]struct {
		name string
		set  set
	}{"dit": {"weights_diffusers.safetensors", weights.DiT}, "vae": {"weights.safetensors", weights.Autoencoder}} {
		for _, c := range golden.Cases(t, folder) {
			t.Run(c.Name, func(t *testing.T) {
				original := c.Open(t, file.name)
				want, err := file.set(original)
				if err != nil {
					t.Fatal(err)
				}
				var list []weights.Tensor
				for _, name := range original.Names() {
					x, err := original.Tensor(name)
					if err != nil {
						t.Fatal(err)
					}
					list = append(list, x)
				}
				archive := pytorch.Torch(list, nil)
				sharded := convert(t, weights.Conversion{MaxShard: 1 << 14}, weights.AsIs(original))
				if len(sharded.Paths()) < 2 {
					t.Errorf("%d shards, want some", len(sharded.Paths()))
				}
				files := map[string]*weights.File{"shards": sharded}
				for kind, content := range map[string][]byte{"zip": archive.Zip(), "old": archive.Old(),
					"training": pytorch.Torch(list, pytorch.DiTCheckpoint(nil)).Zip()} {
					if files[kind], err = openBytes(content); err != nil {
						t.Fatalf("%s: %v", kind, err)
					}
				}
				for _, f := range files {
					got, err := file.set(f)
					if err != nil {
						t.Fatal(err)
					}
					wantEqual(t, want, got)
				}
			})
		}
	}
}
