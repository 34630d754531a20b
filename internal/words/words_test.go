package words

import (
	"strings"
	"testing"
)

func TestOr(t *testing.T) {
	type kind string
	for want, values := range map[string][]kind{"": nil, "a": {"a"}, "a or b": {"a", "b"},
		"a, b or c": {"a", "b", "c"}} {
		if got := Or(values); got != want {
			t.Errorf("%q: got %q, want %q", values, got, want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for list, want := range map[string]string{
		"":              `""`,
		"a":             `"a"`,
		"a,b\x1b[0m":    `"a", "b\x1b[0m"`,
		"a,b,c,d,e":     `"a", "b", "c", "d", "e"`,
		"a,b,c,d,e,f,g": `"a", "b", "c", "d", "e", …`,
	} {
		if got := Quoted(strings.Split(list, ",")); got != want {
			t.Errorf("%q: got %s, want %s", list, got, want)
		}
	}
	if got := Quoted(nil); got != "" {
		t.Errorf("no names: got %q", got)
	}
}
