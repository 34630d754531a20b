package compare

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"mgd3/dataset"
)

func names(prefix string, n int) dataset.Class {
	class := dataset.Class{Name: prefix}
	for i := range n {
		class.Images = append(class.Images, dataset.Ref{Class: prefix, Name: fmt.Sprintf("%04d.png", i)})
	}
	return class
}

// TestHoldOut: every image is in one part, in its order; the shares are right class by class; the division is by
// name, so that another order of classes or another class beside it changes nothing.
func TestHoldOut(t *testing.T) {
	cat, dog := names("cat", 100), names("dog", 7)
	kept, held, err := HoldOut(dataset.FromFunc("set", []dataset.Class{cat, dog}, nil), 0.2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{20, 1} {
		if got := len(held.Classes[i].Images); got != want {
			t.Errorf("class %s: %d images are held out, want %d", held.Classes[i].Name, got, want)
		}
	}
	for i, class := range []dataset.Class{cat, dog} {
		k, h := kept.Classes[i].Images, held.Classes[i].Images
		for _, ref := range class.Images {
			switch {
			case len(k) > 0 && k[0] == ref:
				k = k[1:]
			case len(h) > 0 && h[0] == ref:
				h = h[1:]
			default:
				t.Fatalf("%s/%s is in neither part where it belongs", ref.Class, ref.Name)
			}
		}
		if len(k)+len(h) != 0 {
			t.Errorf("class %s: %d images too many", class.Name, len(k)+len(h))
		}
	}
	_, alone, err := HoldOut(dataset.FromFunc("set", []dataset.Class{dog, cat}, nil), 0.2)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(alone.Classes[1], held.Classes[0]) {
		t.Error("the order of the classes decides what is held out")
	}
	// Names say nothing: of a fair draw of 20 of 100, the mean index is 49.5 ± √((100²−1)/12/20·80/99) = 5.8.
	sum := 0
	for _, ref := range held.Classes[0].Images {
		var i int
		if _, err := fmt.Sscanf(ref.Name, "%d", &i); err != nil {
			t.Fatal(err)
		}
		sum += i
	}
	if mean := float64(sum) / 20; math.Abs(mean-49.5) > 3*5.8 {
		t.Errorf("the mean index held out is %v, want about 49.5", mean)
	}
}

func TestHoldOutRefuses(t *testing.T) {
	set := dataset.FromFunc("set", []dataset.Class{names("cat", 5), names("dog", 1)}, nil)
	if _, _, err := HoldOut(set, 0.2); !errors.Is(err, ErrHeldOut) {
		t.Errorf("a class of one image: got %v, want ErrHeldOut", err)
	}
	for _, share := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := HoldOut(dataset.FromFunc("set", []dataset.Class{names("cat", 5)}, nil), share); err == nil {
			t.Errorf("share %v was taken", share)
		}
	}
}
