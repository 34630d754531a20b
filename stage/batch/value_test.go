package batch

import "testing"

func TestValue(t *testing.T) {
	for text, want := range map[string]int{"auto": Auto, "1": 1, "64": 64} {
		var size int
		v := (*Value)(&size)
		if err := v.Set(text); err != nil || size != want || v.String() != text {
			t.Errorf("%q: got %d, %q, %v, want %d", text, size, v, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "many", "", "1.5"} {
		if err := new(Value).Set(text); err == nil {
			t.Errorf("%q: taken, want an error", text)
		}
	}
}
