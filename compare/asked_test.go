package compare

import (
	"testing"

	"mgd3/internal/fault"
	"mgd3/sets"
)

func TestTestOf(t *testing.T) {
	for _, c := range []struct {
		data        sets.Spec
		path, split string
		want        sets.Spec // "" for an error
		trains      string    // the split of data then
	}{
		{sets.Spec{Path: "pets", Split: "train", Limit: 5}, "", "test",
			sets.Spec{Path: "pets", Split: "test"}, "train"},
		{sets.Spec{Path: "pets"}, "others", "", sets.Spec{Path: "others"}, ""},
		{sets.Spec{Path: "pets", Classes: "a"}, "others", "", sets.Spec{Path: "others", Classes: "a"}, ""},
		{sets.Spec{Path: "pets"}, "", "", sets.Spec{}, ""},
		{sets.Spec{Path: "pets", Split: "x"}, "pets", "x", sets.Spec{}, "x"},
		{sets.Spec{Path: "pets", Split: "x"}, "./pets/", "x", sets.Spec{}, "x"},
		{sets.Spec{Path: sets.Glyphs}, "", "", sets.Spec{Path: sets.Glyphs, Split: "test"}, "train"},
		{sets.Spec{Path: sets.Glyphs}, "", "train", sets.Spec{}, "train"},
		{sets.Spec{Path: sets.Glyphs, Split: "test"}, "", "", sets.Spec{}, "test"},
	} {
		data := c.data
		test, err := TestOf(&data, c.path, c.split, 0)
		if c.want.Path == "" {
			if fault.KindOf(err) != fault.Usage {
				t.Errorf("%+v, %q, %q: got %v, want an error of the usage", c.data, c.path, c.split, err)
			}
		} else if err != nil || test != c.want {
			t.Errorf("%+v, %q, %q: got %+v, %v, want %+v", c.data, c.path, c.split, test, err, c.want)
		}
		if data.Split != c.trains {
			t.Errorf("%+v: trains on the part %q, want %q", c.data, data.Split, c.trains)
		}
	}
}

func TestCheckAsked(t *testing.T) {
	good := Options{Nets: []string{"convnet3"}, Protocol: "quick", IPCs: []int{1}}
	if err := good.CheckAsked(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no such net": func(o *Options) { o.Nets = []string{"nonet"} },
		"soft labels": func(o *Options) { o.Protocol = "soft" },
		"no size":     func(o *Options) { o.IPCs = nil },
	} {
		o := good
		spoil(&o)
		if fault.KindOf(o.CheckAsked()) != fault.Usage {
			t.Errorf("%s: got %v, want an error of the usage", name, o.CheckAsked())
		}
	}
}
