package hub

import (
	"errors"
	"slices"
	"testing"
)

// TestResolve: names of the table and repositories, with a revision and patterns or without.
func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name     string
		patterns []string
		repo     Repo
		folder   string
		include  []string
		lean     bool
	}{
		{"taesd", nil, Repo{Model, "madebyollin/taesd", "main"}, "", autoencoder.Include, true},
		{"taesd@v1", nil, Repo{Model, "madebyollin/taesd", "v1"}, "", autoencoder.Include, true},
		{"cifar10", nil, Repo{Dataset, "uoft-cs/cifar10", "main"}, "plain_text", []string{"plain_text/*.parquet"},
			false},
		{"cifar10", []string{"README.md"}, Repo{Dataset, "uoft-cs/cifar10", "main"}, "", []string{"README.md"}, false},
		{"org/name", nil, Repo{Model, "org/name", "main"}, "", nil, true},
		{"org/name@v2", []string{"*.json"}, Repo{Model, "org/name", "v2"}, "", []string{"*.json"}, false},
		{"datasets/org/name", nil, Repo{Dataset, "org/name", "main"}, "", nil, true},
	} {
		k, err := Resolve(c.name, c.patterns)
		if err != nil || k.Repo != c.repo || k.Folder != c.folder || !slices.Equal(k.Want.Include, c.include) ||
			k.Want.Lean != c.lean {
			t.Errorf("%s %v: got %+v, %v, want %+v, the folder %q, %v", c.name, c.patterns, k, err, c.repo, c.folder,
				c.include)
		}
	}
	for name, want := range map[string]error{"none": ErrUnlisted, "none@v1": ErrUnlisted, "": ErrUnlisted,
		"org/../name": ErrName, "org/name@": ErrName} {
		if k, err := Resolve(name, nil); !errors.Is(err, want) {
			t.Errorf("%q: got %+v, %v, want %v", name, k, err, want)
		}
	}
	if k, _ := Lookup("taesd"); k.Repo.Revision != "main" {
		t.Errorf("the table has the revision %q of the last call", k.Repo.Revision)
	}
}
