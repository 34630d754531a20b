package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/stage"
)

// TestInterrupted: trainings that are stopped again and again, and go on, end with the bytes of one in one go; at the
// end the same call changes nothing.
func TestInterrupted(t *testing.T) {
	for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
		t.Run(string(p), func(t *testing.T) {
			whole := options(t, images(t))
			whole.Protocol.Flip = true
			defer func(was engine.Precision) { whole.Engine.Precision = was }(whole.Engine.Precision)
			whole.Engine.Precision = p
			testInterrupted(t, whole)
		})
	}
}

func testInterrupted(t *testing.T, whole Options) {
	if err := trainings(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	broken := whole
	broken.Out = filepath.Join(t.TempDir(), "model")
	broken.CheckpointEvery = 5 // decides no result
	stops := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		taken := 0
		broken.Report = func(e Event) {
			if e.Step > 0 {
				taken++
			}
			if taken == 3 {
				cancel()
			}
		}
		err := trainings(ctx, broken)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || stops > 20 {
			t.Fatalf("stop %d: %v", stops, err)
		}
		stops++
	}
	if stops < 4 {
		t.Errorf("it was stopped %d times, want more to show anything", stops)
	}
	wantSame(t, tree(t, broken.Out), tree(t, whole.Out))
	before := tree(t, whole.Out)
	whole.Report = func(e Event) {
		if e.Step > 0 {
			t.Errorf("a finished training took step %d", e.Step)
		}
	}
	if err := trainings(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	wantSame(t, tree(t, whole.Out), before)
}

// TestOther: a folder with a training under way, or a network, is not touched by another training.
func TestOther(t *testing.T) {
	set := images(t)
	o := options(t, set)
	ctx, cancel := context.WithCancel(t.Context())
	o.Report = func(e Event) {
		if e.Step == 5 {
			cancel()
		}
	}
	if err := trainings(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	other := o
	other.Report, other.Protocol.Seed = nil, 8
	before := tree(t, o.Out)
	if err := trainings(t.Context(), other); !errors.Is(err, stage.ErrOther) || !strings.Contains(err.Error(), o.Out) {
		t.Errorf("under way: got %v, want stage.ErrOther that names the folder", err)
	}
	wantSame(t, tree(t, o.Out), before)
	o.Report = nil
	if err := trainings(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before = tree(t, o.Out)
	if err := trainings(t.Context(), other); !errors.Is(err, stage.ErrOther) {
		t.Errorf("finished: got %v, want stage.ErrOther", err)
	}
	path := filepath.Join(o.Out, "autoencoder", recordName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[bytes.Index(good, []byte(`"parameters": `))+len(`"parameters": `)] ^= 1
	for name, bad := range map[string][]byte{"a digit": flipped, "cut": good[:len(good)/2]} {
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := trainings(t.Context(), o); !errors.Is(err, stage.ErrOther) || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), "damaged") {
			t.Errorf("a damaged record, %s: got %v, want stage.ErrOther that names the file", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := trainings(t.Context(), o); !errors.Is(err, stage.ErrOther) {
		t.Errorf("a network from elsewhere: got %v, want stage.ErrOther", err)
	}
	delete(before, filepath.Join("autoencoder", recordName))
	wantSame(t, tree(t, o.Out), before)
}

// TestDamagedState: a damaged checkpoint is named with its step, and the training begins anew, to the same bytes.
func TestDamagedState(t *testing.T) {
	set := images(t)
	whole := options(t, set)
	if err := TrainAutoencoder(t.Context(), whole, smallAutoencoder(), ""); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"a bit":      func(data []byte) []byte { data[len(data)-5] ^= 1; return data },
		"cut short":  func(data []byte) []byte { return data[:len(data)/2] },
		"empty":      func([]byte) []byte { return nil },
		"other data": func([]byte) []byte { return []byte("<!doctype html><title>not found</title>") },
	} {
		t.Run(name, func(t *testing.T) {
			o := whole
			o.Out = filepath.Join(t.TempDir(), "model")
			ctx, cancel := context.WithCancel(t.Context())
			o.Report = func(e Event) {
				if e.Step == 5 {
					cancel()
				}
			}
			if err := TrainAutoencoder(ctx, o, smallAutoencoder(), ""); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			path := statePath(o.workDir(networkAutoencoder))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			var warnings []string
			first := 0
			o.Report = func(e Event) {
				if e.Warning != "" {
					warnings = append(warnings, e.Warning)
				}
				if first == 0 {
					first = e.Step
				}
			}
			if err := TrainAutoencoder(t.Context(), o, smallAutoencoder(), ""); err != nil {
				t.Fatal(err)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], path) ||
				!strings.Contains(warnings[0], "begins anew") {
				t.Errorf("warnings %q, want one that names %q", warnings, path)
			}
			if name == "a bit" && len(warnings) == 1 &&
				!strings.Contains(warnings[0], "the state of a training after step 5: ") {
				t.Errorf("%q does not say the step", warnings[0])
			}
			if first != 1 {
				t.Errorf("the first step is %d, want 1", first)
			}
			wantSame(t, tree(t, o.Out), tree(t, whole.Out))
		})
	}
}

// TestNetworkAtCheckpoint: beside the checkpoint of a denoiser lies the network as it is. With a constant rate it is
// the one of a training of so many steps, byte for byte, and a folder that can be opened.
func TestNetworkAtCheckpoint(t *testing.T) {
	o := options(t, images(t))
	o.Protocol.Schedule, o.CheckpointEvery = Constant, 3
	short := o
	short.Out, short.Protocol.Steps = filepath.Join(t.TempDir(), "model"), 3
	if err := trainings(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	a, err := latent.Open(t.Context(), o.Engine, short.modelDir(networkAutoencoder))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Report = func(e Event) {
		if e.Step == 3 {
			cancel()
		}
	}
	if err := TrainDiT(ctx, o, a, smallDiT()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, name := range []string{configName, weightsName(networkDiT)} {
		want, err := os.ReadFile(filepath.Join(short.modelDir(networkDiT), name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(o.workDir(networkDiT), name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v; %d bytes, want the %d of the short training", name, err, len(got), len(want))
		}
	}
	if _, err := dit.Open(t.Context(), o.Engine, o.workDir(networkDiT)); err != nil {
		t.Error(err)
	}
}
