// Package clients holds the test that mgd3 and the libraries of its users read each other's files: the real libraries,
// of the versions in requirements.txt.
//
//	theirs.py  writes sets, tensors and networks by datasets, webdataset, torch, torchvision, timm and diffusers;
//	           read here
//	ours.py    opens what mgd3 exported, trained and converted, and holds the scores of rank against ddranking's
//	converted.py
//	           holds what convert made of theirs.py's files against these
//	tokens.py  writes CLIP's tokenizer, and the tokens that transformers makes of texts
//
// MGD3_TEST_PYTHON is the Python that has the libraries; without it the test skips.
package clients

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/weights"
)

// The bounds on the differences of outputs, of about unit size, are those of the golden tensors of the same networks.
const (
	nearMean     = 1e-4
	nearDecoded  = 2e-4
	nearLogits   = 1e-4
	nearDenoised = 1e-4
)

// python runs one of the programs, on a folder, and returns what it prints.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	name := os.Getenv("MGD3_TEST_PYTHON")
	if name == "" {
		t.Skip("MGD3_TEST_PYTHON is not set: it is a Python with the libraries of internal/clients/requirements.txt")
	}
	cmd := exec.CommandContext(t.Context(), name, append([]string{program}, args...)...)
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "PYTHONDONTWRITEBYTECODE=1")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", program, err, out, errs.String())
	}
	return string(out)
}

// values returns a tensor of a file as float32.
func values(t *testing.T, f *weights.File, name string) []float32 {
	t.Helper()
	tensor, err := f.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func open(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// near compares outputs of a network.
func near(t *testing.T, name string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	worst := 0.0
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= worst) { // also where it is not a number
			worst = d
		}
	}
	t.Logf("%s: worst difference %.2g, bound %g", name, worst, bound)
	if !(worst <= bound) {
		t.Errorf("%s: worst difference %g, want at most %g", name, worst, bound)
	}
}

// TestTheirs reads what the libraries write: the same pixels under the same names, the same tensors, the same networks.
func TestTheirs(t *testing.T) {
	dir := t.TempDir()
	python(t, "theirs.py", dir)
	want := open(t, filepath.Join(dir, "want.safetensors"))
	for name, at := range map[string]string{
		"datasets, to_parquet": "parquet/train-00000-of-00001.parquet", "datasets, two shards": "parquet2",
		"webdataset, ShardWriter": "webdataset",
	} {
		t.Run(name, func(t *testing.T) { readSet(t, filepath.Join(dir, at), want) })
	}
	for name, before := range map[string]string{"state.pt": "", "state.old.pth": "", "state.4.pt": "",
		"state.module.pth.tar": "module."} {
		t.Run(name, func(t *testing.T) {
			sameTensors(t, open(t, filepath.Join(dir, name)), open(t, filepath.Join(dir, "state.safetensors")), before)
		})
	}
	t.Run("converted", func(t *testing.T) { converted(t, dir) })
	e := testengine.Open(t)
	for _, name := range []string{"vae", "vae.bin", "vae.shards"} {
		t.Run("diffusers, "+name, func(t *testing.T) {
			mean, decoded := reconstruct(t, e, filepath.Join(dir, name), values(t, want, "vae.image"), 32)
			near(t, "mean", mean, values(t, want, "vae.mean"), nearMean)
			near(t, "decoded", decoded, values(t, want, "vae.decoded"), nearDecoded)
		})
	}
	for _, name := range []string{"torchvision.pth", "torchvision.safetensors", "timm.pth", "timm.safetensors"} {
		t.Run(name, func(t *testing.T) {
			library, _, _ := strings.Cut(name, ".")
			image := values(t, want, library+".image")
			teacher, err := evaluate.OpenTeacher(t.Context(), e, filepath.Join(dir, name),
				evaluate.TeacherOptions{Net: "resnet18", Size: 64, Classes: []string{"a", "b", "c"}})
			if err != nil {
				t.Fatal(err)
			}
			p, err := e.Compile(name, evaluate.Logits(teacher.Net), teacher.Weights)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, 2*3)
			if err := p.Take(got, tensors.FromFlatDataAndDimensions(image, 2, 3, 64, 64)); err != nil {
				t.Fatal(err)
			}
			near(t, "logits", got, values(t, want, library+".logits"), nearLogits)
		})
	}
	t.Run("diffusers, DiTTransformer2DModel", func(t *testing.T) {
		model := openDiT(t, e, filepath.Join(dir, "transformer"))
		if c := model.Config; c.Hidden != 32 || c.Depth != 2 || c.Heads != 2 || c.Classes != 3 {
			t.Errorf("got %+v", c)
		}
		got := runDiT(t, e, model, values(t, want, "dit.x"), 8, []float32{999, 17}, []int32{1, model.Null()})
		near(t, "output", got, values(t, want, "dit.out"), nearDenoised)
	})
}

// readSet opens a set and holds every pixel against those in want, under CLASS/N.
func readSet(t *testing.T, path string, want *weights.File) {
	set, err := dataset.Open(t.Context(), path, dataset.OpenOptions{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	n := 0
	for _, class := range set.Classes {
		i := 0
		for sample := range set.Load(t.Context(), class.Images, dataset.LoadOptions{}) {
			pixels, err := want.Tensor(fmt.Sprintf("%s/%d", class.Name, i))
			if err != nil || sample.Err != nil {
				t.Fatal(err, sample.Err)
			}
			if im := sample.Image; !slices.Equal([]int{im.H, im.W, 3}, pixels.Shape) ||
				!slices.Equal(im.Pix, pixels.Bytes()) {
				t.Errorf("%v has other pixels", sample.Ref)
			}
			i++
		}
		n += i
	}
	if n != 6 {
		t.Errorf("%d images, want 6", n)
	}
}

// sameTensors wants every tensor of want in got, bit for bit, its name with something before it.
func sameTensors(t *testing.T, got, want *weights.File, before string) {
	if g, w := len(got.Names()), len(want.Names()); g != w {
		t.Errorf("%d tensors %q, want %d", g, got.Names(), w)
	}
	for _, name := range want.Names() {
		g, errG := got.Tensor(before + name)
		w, errW := want.Tensor(name)
		if errG != nil || errW != nil {
			t.Fatal(errG, errW)
		}
		if g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !slices.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("%q is %v %v, want %v %v with the same bits", name, g.DType, g.Shape, w.DType, w.Shape)
		}
	}
}

// reconstruct encodes and decodes images [2, 3, size, size] with the autoencoder at a path.
func reconstruct(t *testing.T, e *engine.Engine, path string, images []float32, size int) (mean, decoded []float32) {
	t.Helper()
	vae, err := latent.Open(t.Context(), e, path)
	if err != nil {
		t.Fatal(err)
	}
	shape, err := vae.LatentShape(size)
	if err != nil {
		t.Fatal(err)
	}
	mean, decoded = make([]float32, 2*shape[0]*shape[1]*shape[2]), make([]float32, len(images))
	if err := vae.EncodeMean(mean, images, size); err != nil {
		t.Fatal(err)
	}
	if err := vae.DecodeTo(decoded, mean, size); err != nil {
		t.Fatal(err)
	}
	return mean, decoded
}

// TestOurs lets the libraries open what the program writes.
func TestOurs(t *testing.T) {
	if os.Getenv("MGD3_TEST_PYTHON") == "" {
		python(t, "ours.py", "")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	program := at("mgd3")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"mgd3/cmd/mgd3").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mgd3 := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("mgd3 %q: %v\n%s", args, err, out)
		}
	}
	if err := fixtures.Model(at("model"), 1); err != nil {
		t.Fatal(err)
	}
	if err := fixtures.Images(at("images"), 6); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("classes.txt"), []byte("owl\ncat\ndog\n"), 0o666); err != nil { // not by name
		t.Fatal(err)
	}
	mgd3("distill", "--data", at("images"), "--split", "train", "--model", at("model"), "--size", "16", "--ipc", "3",
		"--steps", "5",
		"--classes", at("classes.txt"), "--out", at("set"))
	for format, out := range map[string]string{"folder": "folder", "zip": "set.zip", "parquet": "set.parquet",
		"webdataset": "shards", "torch": "set.pt", "mtt": "tensors"} {
		mgd3("export", at("set"), "--format", format, "--out", at(out))
	}
	mgd3("page", at("set"), "--data", at("images"), "--out", at("page.html"), "--table", at("view.parquet"))
	mgd3("export", at("set"), "--format", "parquet", "--card", "--source", "drawn: by the test", "--licence", "cc0-1.0",
		"--out", at("hub"))
	mgd3("export", at("set"), "--format", "torch", "--pixels", "cifar10", "--out", at("cifar.pt"))
	for out, weight := range map[string]string{"ranked": "0.5", "ranked.third": "0.3"} {
		mgd3("rank", "--train", "hard="+at("images"), "--train-split", "train", "--ipc", "2", "--train",
			"soft=../../tensorset/testdata/datm", "--real", at("images"), "--real-split", "train",
			"--test", at("images"), "--test-split", "train", "--net", "convnet1", "--hard-protocol", "dc",
			"--epochs", "12", "--repeat", "2", "--weight", weight, "--gamma", weight, "--out", at(out))
	}
	train := func(net, out string, more ...string) {
		args := []string{"train", net, "--data", at("images"), "--split", "train", "--size", "16", "--steps", "3",
			"--batch", "4", "--out", at(out)}
		mgd3(append(args, more...)...)
	}
	train("autoencoder", "trained", "--channels", "8,16,16", "--layers", "1", "--groups", "4")
	train("autoencoder", "half", "--channels", "8,16,16", "--layers", "1", "--groups", "4", "--half")
	train("dit", "trained", "--hidden", "32", "--depth", "2", "--heads", "2")
	// after three steps the trained one still gives next to nothing
	mgd3("convert", at("model/dit"), at("dit"), "--to", "dit")
	mgd3("convert", at("model/dit"), at("transformer"), "--to", "diffusers")
	for from, to := range map[string]string{"trained/autoencoder": "autoencoder",
		"half/autoencoder": "autoencoder.half", "trained/dit": "dit.trained"} {
		if err := os.Rename(at(from), at(to)); err != nil {
			t.Fatal(err)
		}
	}
	e := testengine.Open(t)
	list := wave("image", 2, 3, 16, 16)
	image := list[0]
	for _, name := range []string{"autoencoder", "autoencoder.half"} {
		pixels, err := image.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		mean, decoded := reconstruct(t, e, at(name), pixels, 16)
		list = append(list, weights.F32(name+".mean", []int{2, 4, 4, 4}, mean),
			weights.F32(name+".decoded", image.Shape, decoded))
	}
	list = append(list, denoise(t, e, at("dit"))...)
	for _, net := range []string{"mlp", "lenet", "vit_tiny_patch16_224", "vit_small_patch16_224"} {
		list = append(list, classify(t, e, net)...)
	}
	f, err := os.Create(at("nets.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Write(f, list, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(python(t, "ours.py", dir)) {
		switch word, what, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "ok":
			t.Log(what)
			seen++
		case "FAIL":
			t.Error(what)
		}
	}
	if seen != 64 {
		t.Errorf("%d things are as they must be, want 64", seen)
	}
}

// wave is a tensor of numbers in [-1, 1] that are not alike.
func wave(name string, shape ...int) []weights.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(math.Sin(float64(i*i) * 0.37))
	}
	return []weights.Tensor{weights.F32(name, shape, data)}
}

// classify runs an untrained network of evaluate on two images of 32 pixels, and returns its tensors, image and logits
// under its name.
func classify(t *testing.T, e *engine.Engine, name string) []weights.Tensor {
	t.Helper()
	net, err := evaluate.New(name, 32, 5, evaluate.NoNorm)
	if err != nil {
		t.Fatal(err)
	}
	image := wave(name+"!image", 2, 3, 32, 32)
	x, err := image[0].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	specs, err := e.Declare(evaluate.Logits(net), shapes.Make(dtypes.Float32, 2, 3, 32, 32))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := evaluate.Fresh(e, net, specs, 1)
	if err != nil {
		t.Fatal(err)
	}
	list := image
	for _, spec := range specs {
		data, err := tensors.CopyFlatData[float32](fresh[spec.Name])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, weights.F32(name+"!w!"+spec.Name, spec.Shape, data))
	}
	p, err := e.Compile(name, evaluate.Logits(net), fresh)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 2*5)
	if err := p.Take(out, tensors.FromFlatDataAndDimensions(x, 2, 3, 32, 32)); err != nil {
		t.Fatal(err)
	}
	return append(list, weights.F32(name+"!logits", []int{2, 5}, out))
}
