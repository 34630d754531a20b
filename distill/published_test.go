package distill

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// TestPublished holds the preset mgd3 against the arguments of the released program and its run script as
// testdata/published.json has them: values that were read in their sources, with files and commits. All are compared,
// and none that is not there.
func TestPublished(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "published.json"))
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Values []struct {
			File, Name string
			Value      any
		}
		Sources map[string]string
	}
	if err := json.Unmarshal(data, &published); err != nil {
		t.Fatal(err)
	}
	p, err := FindPreset("mgd3")
	if err != nil {
		t.Fatal(err)
	}
	e, m, s := p.Settings.Encode, p.Settings.Modes, p.Settings.Sample
	steps, err := strconv.Atoi(s.Respacing)
	if err != nil {
		t.Fatal(err)
	}
	seed := "" // what the flips are drawn by
	if e.Flip && p.SeedEncodes {
		seed = "--seed"
	}
	is := map[string]any{
		"--model": p.Denoiser, "--vae": p.Autoencoder[len(p.Autoencoder)-3:], "--image-size": float64(e.Size),
		"--cfg-scale":          s.CFG,
		"--num-sampling-steps": float64(steps), "--mode_guidance_scale": s.Lambda, "clip_denoised": s.Clip,
		"KMeans(random_state)": float64(m.Seed),
		"torch.manual_seed":    seed, "T_SG": float64(s.Stop),
	}
	for _, v := range published.Values {
		if published.Sources[v.File] == "" {
			t.Errorf("%s has no source", v.File)
		}
		here, ok := is[v.Name]
		if !ok {
			t.Errorf("%s of %s is not compared", v.Name, v.File)
		} else if !reflect.DeepEqual(here, v.Value) {
			t.Errorf("%s of %s is %v, here %v", v.Name, v.File, v.Value, here)
		}
		delete(is, v.Name)
	}
	for name := range is {
		t.Errorf("%s is compared with nothing", name)
	}
}
