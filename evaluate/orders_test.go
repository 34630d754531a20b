package evaluate

import (
	"slices"
	"testing"

	"mgd3/dataset"
)

// TestOrders: timm sorts by the numbers in names and without capitals (its natural_key); ILSVRC's own numbers begin
// with the kit fox, the first of its devkit, and are 1,000 of ImageNet's classes in another order.
func TestOrders(t *testing.T) {
	find := func(classes []string, name string) []string {
		for _, o := range ordersOf(classes) {
			if o.name == name {
				return o.names
			}
		}
		return nil
	}
	got := find([]string{"class_10", "Class_9", "class_1"}, "the numbers' order, which is timm's as well")
	if want := []string{"class_1", "Class_9", "class_10"}; !slices.Equal(got, want) {
		t.Errorf("timm's order is %q, want %q", got, want)
	}
	all, err := dataset.NamedClasses("ilsvrc")
	if err != nil {
		t.Fatal(err)
	}
	known, err := dataset.NamedClasses("imagenet1k")
	if err != nil {
		t.Fatal(err)
	}
	if all[0] != "n02119789" || all[1] != "n02100735" || !slices.Equal(slices.Sorted(slices.Values(all)), known) {
		t.Errorf("ilsvrc begins with %q, or has other classes than imagenet1k", all[:2])
	}
	nette, err := dataset.NamedClasses("nette")
	if err != nil {
		t.Fatal(err)
	}
	// English springer, cassette player, garbage truck … by their places in the list
	if got := find(nette, "ILSVRC's own numbers"); len(got) != 10 || got[0] != "n02102040" || slices.Equal(got, nette) {
		t.Errorf("nette by ILSVRC's numbers is %q", got)
	}
	if find([]string{"cat", "dog"}, "ILSVRC's own numbers") != nil {
		t.Error("classes that are not ImageNet's have ILSVRC's order")
	}
}
