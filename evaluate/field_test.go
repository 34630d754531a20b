package evaluate

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"mgd3/dataset"
	"mgd3/rng"
)

// TestFieldConstants holds what the field's protocols have against numbers copied by hand from the programs' sources
// (the repositories are named in field.go): the fields that another preset has not, or has otherwise.
func TestFieldConstants(t *testing.T) {
	cifar := Facts{IPC: 10, Classes: 10, Images: 100, Size: 32, Net: "convnet3", Rate: 0.0123}
	hundred := cifar
	hundred.Classes = 100
	fruits := cifar
	fruits.Size, fruits.Rate = 128, 0
	dc := map[string]any{
		"labels": "hard", "norm": "instance", "size": 32, "train_size": 32, "batch": 256, "epochs": 301,
		"optimiser.kind": "sgd", "optimiser.rate": 0.01, "optimiser.momentum": 0.9, "optimiser.decay": 5e-4,
		"schedule.kind": "half-step", "schedule.factor": 0.1, "cutmix": 0, "publish": "last",
		"augment.crop_scale": "[0 0]", "augment.flip": 0, "augment.lighting": 0, "augment.jitter.brightness": 0,
		"augment.mean": "[0.4914 0.4822 0.4465]", "augment.std": "[0.2023 0.1994 0.201]",
		"validation.after": 0, "validation.every": 301,
	}
	dsa := map[string]any{
		"epochs": 1001, "dsa.brightness": 1, "dsa.saturation": 2, "dsa.contrast": 0.5, "dsa.crop_pad": 0.125,
		"dsa.cutout": 0.5, "dsa.flip": 0.5, "dsa.scale": 1.2, "dsa.rotate": 15, "dsa.align_corners": false,
		"validation.every": 1001,
	}
	mtt := map[string]any{"dsa.align_corners": true, "optimiser.rate": 0.0123}
	idc := map[string]any{
		"labels": "hard", "norm": "instance", "size": 32, "train_size": 32, "batch": 64, "epochs": 1000,
		"optimiser.kind": "sgd", "optimiser.rate": 0.01, "optimiser.momentum": 0.9, "optimiser.decay": 5e-4,
		"schedule.kind": "steps", "schedule.factor": 0.2, "schedule.milestones": "[666 833]", "cutmix": 0.5,
		"publish": "best", "validation.after": 0, "validation.every": 250, "augment.crop_scale": "[0 0]",
		"augment.lighting": 0, "augment.jitter.brightness": 0,
		"augment.mean": "[0.4914 0.4822 0.4465]", "augment.std": "[0.2023 0.1994 0.201]",
	}
	for _, c := range []struct {
		name string
		f    Facts
		want []map[string]any // the later go before
	}{
		{"dc", cifar, []map[string]any{dc}},
		{"dc", hundred, []map[string]any{dc, {"augment.mean": "[0.5071 0.4866 0.4409]",
			"augment.std": "[0.2673 0.2564 0.2762]"}}},
		{"dsa", cifar, []map[string]any{dc, dsa}},
		{"mtt", cifar, []map[string]any{dc, dsa, mtt}},
		{"mtt", hundred, []map[string]any{dc, dsa, mtt}}, // whose program has CIFAR-10's numbers for CIFAR-100 as well
		{"mtt", fruits, []map[string]any{dc, dsa, mtt, {"size": 128, "train_size": 128, "optimiser.rate": 0.01,
			"augment.mean": "[0.485 0.456 0.406]", "augment.std": "[0.229 0.224 0.225]"}}},
		{"mtt-zca", cifar, []map[string]any{dc, dsa, mtt, {"whiten": true, "augment.mean": "[0 0 0]",
			"augment.std": "[1 1 1]"}}},
		{"sre2l", Facts{IPC: 10, Classes: 1000, Images: 10000, Size: 224, Net: "resnet18"}, []map[string]any{{
			"labels": "soft", "temperature": 20, "norm": "batch", "size": 224, "batch": 1024, "epochs": 300,
			"optimiser.kind": "adamw", "optimiser.rate": 1e-3, "optimiser.decay": 0.01, "optimiser.beta1": 0.9,
			"optimiser.beta2": 0.999, "schedule.kind": "cosine", "augment.crop_scale": "[0.08 1]", "augment.flip": 0.5,
			"augment.shuffle": 1, "cutmix": 1, "validation.after": 0, "validation.every": 10, "validation.phase": 1,
		}}},
		{"idc", cifar, []map[string]any{idc, {"dsa.in_turn": true, "dsa.brightness": 1, "dsa.saturation": 2,
			"dsa.contrast": 0.5, "dsa.crop_pad": 0.125, "dsa.cutout": 0, "dsa.flip": 0.5, "dsa.scale": 1.2,
			"dsa.rotate": 15, "dsa.align_corners": false, "augment.flip": 0}}},
		{"idc", hundred, []map[string]any{idc, {"augment.pad": 4, "augment.flip": 0.5, "dsa": nil}}},
		{"idc", fruits, []map[string]any{{"size": 128, "batch": 64, "epochs": 2000, "cutmix": 1,
			"validation.every": 20, "augment.mean": "[0.485 0.456 0.406]"}}},
	} {
		p, err := Preset(c.name, c.f)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err != nil || p.Name != c.name {
			t.Errorf("%s: named %q, %v", c.name, p.Name, err)
		}
		got := fields(t, p)
		want := map[string]any{}
		for _, part := range c.want {
			for key, v := range part {
				want[key] = v
			}
		}
		for key, v := range want {
			if fmt.Sprint(got[key]) != fmt.Sprint(v) {
				t.Errorf("%s at %d pixels: %s is %v, want %v", c.name, c.f.Size, key, got[key], v)
			}
		}
	}
	soft, err := Preset("soft", nette10)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rded", "cao2"} {
		p, err := Preset(name, nette10)
		if err != nil {
			t.Fatal(err)
		}
		p.Name = soft.Name
		if fmt.Sprint(p) != fmt.Sprint(soft) {
			t.Errorf("%s: %v, want soft by another name", name, p)
		}
	}
}

// TestSoftRate: RDED's rates of the networks that both know, and of the transformers.
func TestSoftRate(t *testing.T) {
	for net, want := range map[string]float64{"convnet3": 1e-3, "resnet18": 1e-3, "vgg11": 5e-4, "alexnet": 1e-4,
		"efficientnet_b0": 2e-3, "mobilenet_v2": 2.5e-3, "swin_t": 1e-4, "vit_tiny_patch16_224": 1e-4} {
		if got := softRate(net); got != want {
			t.Errorf("%s: %v, want %v", net, got, want)
		}
	}
}

// TestValidationPhase: SRe2L's program tests after epochs 1, 11, …, 291 and the last of 300; IDC's after each quarter.
func TestValidationPhase(t *testing.T) {
	var at []int
	for epoch := range 300 {
		if (Validation{Every: 10, Phase: 1}).At(epoch+1, 300) {
			at = append(at, epoch+1)
		}
	}
	if len(at) != 31 || at[0] != 1 || at[1] != 11 || at[29] != 291 || at[30] != 300 {
		t.Errorf("tested after epochs %v, want 1, 11, …, 291, 300", at)
	}
	p, err := Preset("idc", Facts{IPC: 10, Classes: 10, Images: 100, Size: 32, Net: "convnet3"})
	if err == nil {
		p, err = p.With("epochs=40")
	}
	if err != nil || p.Validation.Every != 10 {
		t.Errorf("of 40 epochs every %d-th is tested, want each quarter: %v", p.Validation.Every, err)
	}
}

// TestInTurn: IDC's changes are those of the strategies one after the other.
func TestInTurn(t *testing.T) {
	d := dsa(false)
	d.InTurn = true
	const n = 8
	x := make([]float32, 3*n*n)
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	for seed := range uint64(8) {
		got, want := slices.Clone(x), slices.Clone(x)
		d.strategy(rng.Stream(seed, "batch"))(d, got, n, rng.Stream(seed, "image"))
		r := rng.Stream(seed, "image")
		for _, i := range []int{3, 0, []int{1, 4, 5}[rng.Stream(seed, "batch").IntN(3)]} {
			strategies[i](d, want, n, r)
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: another image than flip, color and one more make", seed)
		}
	}
}

// TestPad: an image that is moved keeps its pixels, black comes from behind, and every shift from −4 to 4 comes.
func TestPad(t *testing.T) {
	const n, pad = 16, 4
	im := &dataset.RGB{W: n, H: n, Pix: make([]byte, 3*n*n)}
	at := func(i int) byte { return byte(1 + i%251) }
	for i := range n * n {
		im.Pix[3*i] = at(i)
	}
	a := Augment{Pad: pad, Std: [3]float64{1, 1, 1}}
	seen := map[[2]int]bool{}
	for seed := range uint64(1500) {
		dst := make([]float32, 3*n*n)
		a.Apply(dst, im, n, rng.Stream(seed, "pad"))
		found := false
		for down := -pad; down <= pad; down++ {
			for right := -pad; right <= pad; right++ {
				same := true
				for i := range n * n {
					y, z, want := i/n+down, i%n+right, float32(0)
					if y >= 0 && y < n && z >= 0 && z < n {
						want = float32(at(y*n+z)) / 255
					}
					same = same && dst[i] == want
				}
				if same {
					found, seen[[2]int{down, right}] = true, true
				}
			}
		}
		if !found {
			t.Fatalf("seed %d: no shift of the image", seed)
		}
	}
	if want := (2*pad + 1) * (2*pad + 1); len(seen) != want {
		t.Errorf("%d shifts came, want %d", len(seen), want)
	}
}

// TestHalfStep: of 1,001 epochs those from 502 on have a tenth, since the program lowers the rate after epoch 501.
func TestHalfStep(t *testing.T) {
	s := Schedule{Kind: HalfStep, Factor: 0.1}
	for e, want := range map[int]float64{0: 1, 501: 1, 502: 0.1, 1000: 0.1} {
		if got := s.Scale(e, 1001); got != want {
			t.Errorf("epoch %d: %v, want %v", e, got, want)
		}
	}
	c := Schedule{Kind: Cosine}
	for e, want := range map[int]float64{0: 1, 150: 0.5, 299: (1 + math.Cos(math.Pi*299/300)) / 2} {
		if got := c.Scale(e, 300); math.Abs(got-want) > 1e-15 {
			t.Errorf("cosine, epoch %d: %v, want %v", e, got, want)
		}
	}
}
