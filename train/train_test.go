package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/dit"
	"mgd3/encode"
	"mgd3/internal/fixtures"
	"mgd3/latent"
)

// images opens a small set.
func images(t *testing.T) *dataset.Set {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.Images(dir, 7); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(t.Context(), dir, dataset.OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func options(t *testing.T, set *dataset.Set) Options {
	t.Helper()
	return Options{
		Engine: open(t), Data: set, Out: filepath.Join(t.TempDir(), "model"), Protocol: small(), Licence: "CC0-1.0",
		Images:          Images{Size: fixtures.Size, Crop: encode.CropADM},
		CheckpointEvery: 4, SampleEvery: 6,
	}
}

// trainings are both networks, one after the other into one folder.
func trainings(ctx context.Context, o Options) error {
	if err := TrainAutoencoder(ctx, o, smallAutoencoder(), ""); err != nil {
		return err
	}
	a, err := latent.Open(ctx, o.Engine, o.modelDir(networkAutoencoder))
	if err != nil {
		return err
	}
	return TrainDiT(ctx, o, a, smallDiT())
}

func smallDiT() DiTSettings {
	return DiTSettings{Patch: 2, Hidden: 16, Depth: 1, Heads: 2, Dropout: 0.1, SampleCFG: 2, SampleSteps: 3}
}

// TestTraining: a training makes a model folder that the rest of the program takes, all its files and no others.
func TestTraining(t *testing.T) {
	for _, half := range []bool{false, true} {
		set := images(t)
		o := options(t, set)
		o.Half = half
		if err := trainings(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		a, err := latent.Open(t.Context(), o.Engine, filepath.Join(o.Out, "autoencoder"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := dit.Open(t.Context(), o.Engine, filepath.Join(o.Out, "dit"))
		if err != nil {
			t.Fatal(err)
		}
		if d.InputSize*a.Downsampling() != fixtures.Size || d.Channels != a.LatentChannels ||
			d.Classes != len(fixtures.Classes) {
			t.Errorf("the denoiser %+v does not fit the autoencoder %+v", d.Config, a.Layout)
		}
		wantUnitVariance(t, o, a)
		var want []string
		for _, name := range []string{
			"autoencoder/config.json", "autoencoder/diffusion_pytorch_model.safetensors", "autoencoder/training.json",
			"classes.txt",
			"dit/config.json", "dit/model.safetensors", "dit/training.json",
			"training/autoencoder/loss.csv", "training/autoencoder/samples/0000006.png",
			"training/autoencoder/samples/0000012.png",
			"training/dit/latents/plain/cat.safetensors", "training/dit/latents/plain/dog.safetensors",
			"training/dit/latents/plain/owl.safetensors",
			"training/dit/latents/plain/settings.json",
			"training/dit/loss.csv", "training/dit/samples/0000006.png", "training/dit/samples/0000012.png",
		} {
			want = append(want, filepath.FromSlash(name))
		}
		files := tree(t, o.Out)
		var have []string
		for name := range files {
			have = append(have, name)
		}
		if slices.Sort(have); !slices.Equal(have, want) {
			t.Errorf("the folder has %q, want %q", have, want)
		}
		if classes := files["classes.txt"]; classes != "cat\ndog\nowl\n" {
			t.Errorf("classes.txt is %q", classes)
		}
		var r Record
		if err := json.Unmarshal([]byte(files[filepath.Join("dit", "training.json")]), &r); err != nil {
			t.Fatal(err)
		}
		if r.Licence != "CC0-1.0" || r.Autoencoder != a.SHA256 || r.Data.Images != 21 || len(r.Data.SHA256) != 64 ||
			!(r.Loss["loss"] > 0) || r.Half != half {
			t.Errorf("the record is %+v", r)
		}
	}
}

// wantUnitVariance demands latents of variance 1 from the autoencoder, as its scaling factor was taken from the same
// images.
func wantUnitVariance(t *testing.T, o Options, a *latent.Autoencoder) {
	t.Helper()
	p, err := o.pictures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, len(p.refs)*3*fixtures.Size*fixtures.Size)
	for i, im := range p.kept {
		dataset.ToTensor(pixels[i*len(pixels)/len(p.refs):(i+1)*len(pixels)/len(p.refs)], im)
	}
	latents := make([]float32, len(pixels)/6)
	if err := a.EncodeMean(latents, pixels, fixtures.Size); err != nil {
		t.Fatal(err)
	}
	var sum, squares float64
	for _, v := range latents {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(latents))
	if variance := squares/n - sum/n*sum/n; variance < 0.9999 || variance > 1.0001 {
		t.Errorf("the latents have variance %v, want 1", variance)
	}
}

func wantSame(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, data := range want {
		if got[name] != data {
			t.Errorf("%s differs, or is missing", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %d files, want %d", len(got), len(want))
	}
}

// tree returns the visible files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := fixtures.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestNotFinite: a training that goes wrong says at which step, and keeps the state of the last checkpoint.
func TestNotFinite(t *testing.T) {
	o := options(t, images(t))
	o.Protocol.Rate, o.Protocol.Warmup, o.Protocol.Clip = 1e30, 0, 0
	o.CheckpointEvery = 1
	err := trainings(t.Context(), o)
	if !errors.Is(err, ErrDiverged) || !strings.HasPrefix(err.Error(), "autoencoder, step 2: ") {
		t.Fatalf("got %v, want ErrDiverged in step 2", err)
	}
	if _, err := os.Stat(statePath(o.workDir(networkAutoencoder))); err != nil {
		t.Errorf("the last good state: %v", err)
	}
	if _, err := os.Stat(o.modelDir(networkAutoencoder)); err == nil {
		t.Error("there is a network")
	}
}

// TestLearns: both losses fall well below where they begin.
func TestLearns(t *testing.T) {
	o := options(t, images(t))
	o.Protocol.Steps, o.Protocol.LogEvery, o.Protocol.Rate, o.SampleEvery = 150, 10, 5e-3, 0
	if err := trainings(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for network, share := range map[string]float64{networkAutoencoder: 0.7, networkDiT: 0.7} {
		data, err := os.ReadFile(filepath.Join(o.workDir(network), "loss.csv"))
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.TrimSpace(string(data)), "\n")
		if first, last := lossOf(t, rows[1]), lossOf(t, rows[len(rows)-1]); !(last < share*first) {
			t.Errorf("%s: the loss went from %v to %v, want less than %v of it", network, first, last, share)
		}
	}
}

func lossOf(t *testing.T, row string) float64 {
	t.Helper()
	var loss float64
	if err := json.Unmarshal([]byte(strings.Split(row, ",")[1]), &loss); err != nil {
		t.Fatal(err)
	}
	return loss
}

func TestBadOptions(t *testing.T) {
	set := images(t)
	for want, change := range map[string]func(*Options){
		"checkpoint every 0": func(o *Options) { o.CheckpointEvery = 0 },
		"samples every -1":   func(o *Options) { o.SampleEvery = -1 },
		"steps is 0":         func(o *Options) { o.Protocol.Steps = 0 },
		"size is 0":          func(o *Options) { o.Images.Size = 0 },
		"multiple of 2":      func(o *Options) { o.Images.Size = 15 },
		"a readable image":   func(o *Options) { o.Data = brokenImage(set) },
	} {
		o := options(t, set)
		change(&o)
		if err := trainings(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// brokenImage is the set with one file that is no image.
func brokenImage(set *dataset.Set) *dataset.Set {
	return dataset.FromFunc("broken", set.Classes, func(ref dataset.Ref) ([]byte, error) {
		if ref.Class == "dog" && ref.Name == "003.png" {
			return []byte("no picture"), nil
		}
		return set.Read(ref)
	})
}

// TestContentHash: the hash of the data hangs on every byte and every name, and not on dates.
func TestContentHash(t *testing.T) {
	set := images(t)
	first, err := contentHash(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := contentHash(t.Context(), images(t)); err != nil || again != first {
		t.Errorf("equal images elsewhere: %v, %v, want %v", again, err, first)
	}
	changed := dataset.FromFunc("changed", set.Classes, func(ref dataset.Ref) ([]byte, error) {
		data, err := set.Read(ref)
		if ref.Class == "owl" && ref.Name == "006.png" {
			data = bytes.Clone(data)
			data[len(data)-1]++
		}
		return data, err
	})
	if other, err := contentHash(t.Context(), changed); err != nil || other == first {
		t.Errorf("one bit changed: %v, %v, want another hash", other, err)
	}
	renamed := slices.Clone(set.Classes)
	renamed[0].Name = "cats"
	if other, err := contentHash(t.Context(), dataset.FromFunc("renamed", renamed, set.Read)); err != nil ||
		other == first {
		t.Errorf("one class renamed: %v, %v, want another hash", other, err)
	}
}

// TestMirrored: the latents of mirrored images are those of images that are mirrored before they are encoded.
func TestMirrored(t *testing.T) {
	set := images(t)
	o := options(t, set)
	ref := set.Classes[1].Images[2]
	for plain := range set.Load(t.Context(), []dataset.Ref{ref}, dataset.LoadOptions{}) {
		for mirrored := range o.mirrored().Load(t.Context(), []dataset.Ref{ref}, dataset.LoadOptions{}) {
			if err := errors.Join(plain.Err, mirrored.Err); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(mirrored.Image.Pix, dataset.Flip(plain.Image).Pix) {
				t.Error("the mirrored set does not have the mirror image")
			}
		}
	}
}

// TestOnDemand: a set that is too large for the memory trains to the same bytes.
func TestOnDemand(t *testing.T) {
	set := images(t)
	o := options(t, set)
	p, err := o.pictures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := []int{20, 0, 7, 7}
	kept, errA := p.take(t.Context(), at)
	p.kept = nil
	read, errB := p.take(t.Context(), at)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	for i := range at {
		if !slices.Equal(kept[i].Pix, read[i].Pix) {
			t.Errorf("image %d differs", at[i])
		}
	}
}
