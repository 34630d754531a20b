package cli

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
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

// TestGivenInBucket: the path of a bucket is of one process, and what is given to another is its address.
func TestGivenInBucket(t *testing.T) {
	path := storetest.New(t).Path("pets")
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	test, train := f.String("test", "", ""), f.StringSlice("train", nil, "")
	if err := f.Parse([]string{"--test", path, "--train", "pets=" + path + ",here"}); err != nil {
		t.Fatal(err)
	}
	flags := Given(f, nil)
	want := map[string][]string{"test": {store.Address(path)}, "train": {"pets=" + store.Address(path), "here"}}
	if !maps.EqualFunc(flags, want, slices.Equal) || !store.IsAddress(flags["test"][0]) {
		t.Errorf("got %v, want %v", flags, want)
	}
	if *test != path || (*train)[0] != "pets="+path {
		t.Errorf("the flags themselves became %q and %q", *test, *train)
	}
	other := pflag.NewFlagSet("other", pflag.ContinueOnError)
	test, train = other.String("test", "", ""), other.StringSlice("train", nil, "")
	_, err := Take(other, flags)
	if err != nil || *test != path || !slices.Equal(*train, []string{"pets=" + path, "here"}) {
		t.Errorf("taken as %q and %q, %v", *test, *train, err)
	}
	fresh := pflag.NewFlagSet("fresh", pflag.ContinueOnError)
	fresh.String("test", "", "")
	_, err = Take(fresh, map[string][]string{"test": {"s3://user:secret@pets"}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the password", err)
	}
}
