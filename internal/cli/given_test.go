package cli

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestGivenAndTake: what was given on one command line is taken on another, but for what is given there.
func TestGivenAndTake(t *testing.T) {
	parsed := func(line string) *pflag.FlagSet {
		f := pflag.NewFlagSet("test", pflag.ContinueOnError)
		f.Int("count", 1, "")
		f.String("name", "usual", "")
		f.StringArray("file", nil, "")
		f.StringSlice("net", []string{"a"}, "")
		f.String("out", "", "")
		if err := f.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	flags := Given(parsed("--count 3 --name x --file a,b --file c --net d,e --out o"), []string{"out"})
	want := map[string][]string{"count": {"3"}, "name": {"x"}, "file": {"a,b", "c"}, "net": {"d", "e"}}
	if !maps.EqualFunc(flags, want, slices.Equal) {
		t.Fatalf("got %v, want %v", flags, want)
	}
	f := parsed("--count 5")
	kept, err := Take(f, flags)
	if err != nil || !slices.Equal(kept, []string{"count"}) {
		t.Errorf("kept %v, %v, want count", kept, err)
	}
	again := Given(f, nil)
	want["count"] = []string{"5"}
	if !maps.EqualFunc(again, want, slices.Equal) {
		t.Errorf("got %v, want %v", again, want)
	}
	for _, bad := range []map[string][]string{{"count": {"many"}}, {"no-such": {"x"}}} {
		if _, err := Take(parsed(""), bad); err == nil {
			t.Errorf("%v: taken, want an error", bad)
		}
	}
}
