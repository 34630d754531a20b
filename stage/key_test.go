package stage

import "testing"

func TestKey(t *testing.T) {
	type settings struct{ Size int }
	base := Key("a", settings{32}, []int32{1, 2})
	if again := Key("a", settings{32}, []int32{1, 2}); again != base {
		t.Errorf("equal parts have keys %s and %s", base, again)
	}
	for name, other := range map[string]string{
		"a setting":       Key("a", settings{64}, []int32{1, 2}),
		"another string":  Key("b", settings{32}, []int32{1, 2}),
		"fewer parts":     Key("a", settings{32}),
		"parts run on":    Key("a", settings{32}, []int32{1}, []int32{2}),
		"strings joined":  Key(`a"`, settings{32}, []int32{1, 2}),
		"order of labels": Key("a", settings{32}, []int32{2, 1}),
	} {
		if other == base {
			t.Errorf("%s does not change the key", name)
		}
	}
}

func TestKeyAfterIsTheKeyOfAllParts(t *testing.T) {
	after := KeyAfter("a", []int{1, 2})
	for range 2 { // the beginning is not used up
		if got, want := after("b", 3), Key("a", []int{1, 2}, "b", 3); got != want {
			t.Errorf("KeyAfter gives %s, want %s", got, want)
		}
	}
	if after("b") == after("c") {
		t.Error("the rest does not change the key")
	}
}
