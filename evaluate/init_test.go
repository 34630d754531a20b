package evaluate

import (
	"math"
	"testing"

	"mgd3/weights"
)

// TestFresh: the largest weights and biases have the spread that the published programs start with.
func TestFresh(t *testing.T) {
	e := openEngine(t)
	for _, test := range []struct {
		net    Net
		tensor string
		sigma  float64
		normal bool
	}{
		{ConvNet{Depth: 2, Width: 32, Classes: 3}, "layers.conv.1.weight", 1 / math.Sqrt(3*9*32), false},
		{ConvNet{Depth: 2, Width: 32, Classes: 3}, "layers.conv.1.bias", 1 / math.Sqrt(3*9*32), false},
		{AlexNet{Width: 4, Classes: 3}, "features.3.weight", 1 / math.Sqrt(3*25*4), false},
		{AlexNet{Width: 4, Classes: 3}, "classifier.4.bias", 1 / math.Sqrt(3*256), false},
		{ResNet{Depth: 10, Width: 8, Size: 64, Classes: 3}, "layer1.0.conv2.weight", math.Sqrt(2. / (9 * 8)), true},
		{ResNet{Depth: 10, Width: 8, Size: 64, Classes: 3}, "fc.weight", 1 / math.Sqrt(3*64), false},
		{ResNet{Depth: 10, Width: 8, Size: 64, Classes: 3}, "layer1.0.bn2.bias", 0, false},
		{VGG11{Width: 4, Classes: 3, Norm: Batch}, "features.25.weight", math.Sqrt(2. / (9 * 32)), true},
		{VGG11{Width: 4, Classes: 3, Norm: Batch}, "classifier.3.weight", 0.01, true},
		{VGG11{Width: 4, Classes: 3, Norm: Batch}, "classifier.3.bias", 0, false},
		{VGG11{Width: 4, Classes: 3, Norm: Batch}, "features.0.bias", 0, false},
		{VGG11{Width: 4, Classes: 3, Norm: Batch}, "features.1.bias", 0, false},
	} {
		specs, err := e.Declare(Logits(test.net), image(64))
		if err != nil {
			t.Fatal(err)
		}
		w, err := Fresh(e, test.net, specs, 1)
		if err != nil {
			t.Fatal(err)
		}
		square, most := 0.0, 0.0
		data := flat(w[test.tensor])
		for _, v := range data {
			square += float64(v) * float64(v) / float64(len(data))
			most = max(most, math.Abs(float64(v)))
		}
		// The mean square of n numbers errs by √2/√n of itself where they are normal, and by less where uniform.
		if s2 := test.sigma * test.sigma; math.Abs(square-s2) > 4*s2*math.Sqrt(2/float64(len(data))) {
			t.Errorf("%T: %s has a mean square of %g, want about %g", test.net, test.tensor, square, s2)
		}
		if uniform := most <= math.Sqrt(3)*test.sigma*(1+1e-6); uniform == test.normal {
			t.Errorf("%T: %s reaches to %g of σ = %g", test.net, test.tensor, most, test.sigma)
		}
	}
}

// TestFreshKey: the seed of the weights chooses what is dropped.
func TestFreshKey(t *testing.T) {
	e := openEngine(t)
	specs := []weights.Spec{{Name: dropoutState, Shape: []int{2}}}
	key := func(seed uint64) float32 {
		w, err := Fresh(e, AlexNet{}, specs, seed)
		if err != nil {
			t.Fatal(err)
		}
		state := flat(w[dropoutState])
		if k := state[0]; k != float32(int(k)) || k < 0 || k >= 1<<24 || state[1] != 0 {
			t.Errorf("the state is %v, want a key and step 0", state)
		}
		return state[0]
	}
	if key(1) != key(1) || key(1) == key(2) {
		t.Error("the key does not follow from the seed")
	}
}

// TestEveryTensorHasItsOwnLayer: how a tensor begins hangs on its own layer, not on which one was declared before.
func TestEveryTensorHasItsOwnLayer(t *testing.T) {
	e := openEngine(t)
	net := ConvNet{Depth: 2, Width: 8, Classes: 3}
	specs := []weights.Spec{ // the biases first, and far from their weights
		{Name: "layers.conv.1.bias", Shape: []int{8}}, {Name: "classifier.bias", Shape: []int{3}},
		{Name: "layers.conv.1.weight", Shape: []int{8, 8, 3, 3}}, {Name: "classifier.weight", Shape: []int{3, 4096}},
	}
	w, err := Fresh(e, net, specs, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, inputs := range map[string]float64{"layers.conv.1.bias": 8 * 9, "classifier.bias": 4096} {
		for _, v := range flat(w[name]) {
			if bound := 1 / math.Sqrt(inputs); math.Abs(float64(v)) > bound*(1+1e-6) {
				t.Errorf("%s has %v, want at most %v", name, v, bound)
			}
		}
	}
}
