package unet

import (
	"reflect"
	"testing"
)

// TestPublished: the networks known by name can be built, and come back from the config.json that is written of them.
func TestPublished(t *testing.T) {
	for name, want := range named {
		text, err := want.JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, notes, err := ParseConfig(text)
		if err != nil || len(notes) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %q, %v, want %+v", name, got, notes, err, want)
		}
	}
	if _, ok := Published("sd3"); ok {
		t.Error("a network that is not known is found")
	}
}
