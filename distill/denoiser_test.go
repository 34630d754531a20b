package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"mgd3/encode"
	"mgd3/internal/fixtures"
)

// prompted makes a text-to-image model of another one: it knows the classes by what is said of them.
type prompted struct {
	Denoiser
	say func(class string) string
}

var errSay = errors.New("nothing is said of it")

func (p prompted) Prompt(_ context.Context, classes []string, size int) (prompts []string, err error) {
	if size != fixtures.Size {
		return nil, fmt.Errorf("size %d", size)
	}
	for _, class := range classes {
		if class == "fox" {
			return nil, errSay
		}
		prompts = append(prompts, p.say(class))
	}
	return prompts, nil
}

// TestPrompted: what a text-to-image model was told of a class is in the manifest, and is among what an image was
// made from; a denoiser that knows no prompts has the keys it always had.
func TestPrompted(t *testing.T) {
	r := tinyRun(t, 3)
	plain := r.Denoiser
	r.ClassNames = nil
	r.Denoiser = prompted{plain, func(class string) string { return "a " + class }}
	m, err := r.Do(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	for _, c := range m.Classes {
		if c.Prompt != "a "+c.Name {
			t.Errorf("class %q has the prompt %q in the manifest", c.Name, c.Prompt)
		}
	}
	if faults, unchecked, err := Verify(t.Context(), r.Out); err != nil || len(faults)+len(unchecked) > 0 {
		t.Errorf("verify: %q, %q, %v", faults, unchecked, err)
	}

	c := samplesRecord{Denoiser: "d", Backend: "cpu",
		Modes:  modesRecord{Latents: encode.Record{Classes: []string{"a", "b"}}},
		Labels: []int32{0, 1}}
	without := c.key(c.image(1, 3), "modes")
	if was := c.key(image{class: "b", index: 3, label: 1}, "modes"); was != without {
		t.Error("an image without a prompt has another key than before")
	}
	keys := map[string]bool{without: true}
	for _, prompts := range [][]string{{"x", "y"}, {"x", "z"}} {
		c.Prompts = prompts
		keys[c.key(c.image(1, 3), "modes")] = true
	}
	if len(keys) != 3 {
		t.Errorf("no prompt and two different ones give %d keys, want 3", len(keys))
	}

	r.Denoiser = prompted{plain, func(string) string { return "" }}
	if _, err := r.Do(t.Context()); !errors.Is(err, ErrLabels) {
		t.Errorf("an empty prompt: got %v, want ErrLabels", err)
	}
	r.Denoiser = prompted{plain, strings.ToUpper}
	if _, err := r.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "prompts") {
		t.Errorf("other prompts in the folder of a run: got %v, want an error that names them", err)
	}
	r.Out = t.TempDir()
	r.Data.Classes[0].Name = "fox"
	if _, err := r.Do(t.Context()); !errors.Is(err, errSay) {
		t.Errorf("a class without a prompt: got %v", err)
	}
	if _, err := os.Stat(r.latentsDir()); err == nil {
		t.Error("images were encoded before the prompts were looked at")
	}
}
