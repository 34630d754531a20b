package weights_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/weights"
)

// TestReadConfig: the description is found from the folder and from a file in it, and none is no error.
func TestReadConfig(t *testing.T) {
	files := fstest.MapFS{
		"m/config.json": {Data: []byte(`{"depth": 3}`)}, "m/net.safetensors": {}, "bare/net.pt": {},
		"bad/config.json": {Data: []byte(`{"depth": `)},
	}
	for _, at := range []string{"m", "m/net.safetensors"} {
		text, name, err := weights.ReadConfig(files, at)
		if err != nil || name != "m/config.json" || string(text) != `{"depth": 3}` {
			t.Errorf("%s: got %q in %q, error %v", at, text, name, err)
		}
	}
	if text, name, err := weights.ReadConfig(files, "bare/net.pt"); text != nil || name != "bare/config.json" ||
		err != nil {
		t.Errorf("without one: got %q in %q, error %v", text, name, err)
	}
	if _, _, err := weights.ReadConfig(files, "nowhere"); err == nil {
		t.Error("nowhere: got no error")
	}

	var v struct {
		Depth int `json:"depth"`
	}
	if found, err := weights.ReadJSON(files, "m/config.json", &v); !found || err != nil || v.Depth != 3 {
		t.Errorf("got %v, %v, depth %d", found, err, v.Depth)
	}
	if found, err := weights.ReadJSON(files, "bare/config.json", &v); found || err != nil {
		t.Errorf("without one: got %v, %v", found, err)
	}
	if found, err := weights.ReadJSON(files, "bad/config.json", &v); !found || err == nil ||
		!strings.HasPrefix(err.Error(), "bad/config.json: ") {
		t.Errorf("cut short: got %v, %v", found, err)
	}
}
