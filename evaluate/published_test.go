package evaluate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestPublished holds the presets against the arguments of the published programs as testdata/published.json has
// them: values that were read in the programs' sources, with their files and commits. All are compared, and none that
// is not there.
func TestPublished(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "published.json"))
	if err != nil {
		t.Fatal(err)
	}
	type values []struct {
		File, Name string
		Value      any
	}
	var published struct{ Hard, Soft values }
	if err := json.Unmarshal(data, &published); err != nil {
		t.Fatal(err)
	}
	preset := func(name string, f Facts) Protocol {
		p, err := Preset(name, f)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	of := func(ipc, classes int, net string) Facts {
		return Facts{IPC: ipc, Classes: classes, Images: ipc * classes, Size: 256, Net: net}
	}
	hard := preset("hard", of(10, 10, "resnet18"))
	large := preset("hard", of(10, 1000, "resnet18"))
	soft := preset("soft", of(10, 10, "resnet18"))
	first := 1
	for !soft.Validation.At(first, soft.Epochs) {
		first++
	}
	epochs := func(ipc int) int { return preset("hard", of(ipc, 10, "resnet18")).Epochs }
	batch := func(ipc, classes int) int { return preset("soft", of(ipc, classes, "resnet18")).Batch }
	rate := func(net string) float64 { return preset("soft", of(10, 10, net)).Optimiser.Rate }
	for name, c := range map[string]struct {
		want values
		is   map[string]any
	}{
		"hard": {published.Hard, map[string]any{
			"--size": hard.Size, "--norm_type": hard.Norm, "--batch_size": hard.Batch, "--lr": hard.Optimiser.Rate,
			"--momentum":     hard.Optimiser.Momentum,
			"--weight-decay": hard.Optimiser.Decay, "--mix_p": hard.CutMix,
			"ipc_epoch(1)": epochs(1), "ipc_epoch(10)": epochs(10), "ipc_epoch(50)": epochs(50),
			"ipc_epoch(100)": epochs(100), "ipc_epoch(500)": epochs(500),
			"ipc_epoch(501)": epochs(501), "epoch_print_freq(2000)": hard.Validation.Every,
			"lr of more than 100 classes":           large.Optimiser.Rate,
			"weight_decay of more than 100 classes": large.Optimiser.Decay,
			"batch_size of more than 100 classes":   large.Batch,
			"milestones(2000)":                      hard.Schedule.Milestones, "gamma": hard.Schedule.Factor,
			"RandomResizedCrop(scale)": hard.Augment.Scale,
			"ColorJitter": []float64{hard.Augment.Jitter.Brightness, hard.Augment.Jitter.Contrast,
				hard.Augment.Jitter.Saturation},
			"Lighting(alphastd)": hard.Augment.Lighting, "MEANS": hard.Augment.Mean, "STDS": hard.Augment.Std,
		}},
		"soft": {published.Soft, map[string]any{
			"--input-size": soft.Size, "input_size of conv6": preset("soft", of(10, 10, "convnet6")).Size,
			"--factor": soft.Augment.Shuffle, "--re-epochs": soft.Epochs,
			"--adamw-weight-decay": soft.Optimiser.Decay, "temperature of cutmix": soft.Temperature,
			"re_batch_size(50)": batch(50, 10), "re_batch_size(10)": batch(10, 10), "re_batch_size(1)": batch(1, 10),
			"re_batch_size(10) of 100 classes": batch(10, 100), "re_batch_size(10) of 1000 classes": batch(10, 1000),
			"adamw_lr of resnet18": rate("resnet18"), "adamw_lr of vgg11": rate("vgg11"),
			"adamw_lr of alexnet":       rate("alexnet"),
			"betas":                     []float64{soft.Optimiser.Beta1, soft.Optimiser.Beta2},
			"RandomResizedCrop(scale)":  soft.Augment.Scale,
			"lr factor at the end":      soft.Schedule.Scale(soft.Epochs, soft.Epochs),
			"Resize of the test images": soft.TestData().Size, "first tested epoch, from 1": first,
		}},
	} {
		for _, v := range c.want {
			is, ok := c.is[v.Name]
			if !ok {
				t.Errorf("%s: %s of %s is not compared", name, v.Name, v.File)
			} else if text(t, is) != text(t, v.Value) {
				t.Errorf("%s: %s of %s is %s, here %s", name, v.Name, v.File, text(t, v.Value), text(t, is))
			}
			delete(c.is, v.Name)
		}
		for name := range c.is {
			t.Errorf("%s is compared with nothing", name)
		}
	}
}
