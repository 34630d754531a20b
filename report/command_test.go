package report

import (
	"os/exec"
	"strings"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

// TestCommand: a shell takes the words of the line apart as they were put together, whatever is in them.
func TestCommand(t *testing.T) {
	odd := "it's a $HOME `x` \"y\" *; é\n"
	line := Command([]string{"mgd3", "page", odd}, map[string][]string{"train": {"a=x y", "b"}, "flip": {"false"},
		"rate": {"-1"}, "classes": {""}})
	want := []string{"page", odd, "--classes", "", "--flip=false", "--rate=-1", "--train", "a=x y", "--train", "b"}
	got, err := exec.Command("sh", "-c", "mgd3() { for w; do printf '%s\\0' \"$w\"; done; }\n"+line).Output()
	if err != nil || string(got) != strings.Join(want, "\x00")+"\x00" {
		t.Errorf("%s\ngot %q, %v\nwant %q", line, got, err, want)
	}
	if simple := Command([]string{"mgd3", "score"}, map[string][]string{"set": {"a/b-1"}}); simple !=
		"mgd3 score --set a/b-1" {
		t.Errorf("got %s", simple)
	}
}

// TestCommandInBucket: a path in a bucket means nothing outside this process.
func TestCommandInBucket(t *testing.T) {
	path := storetest.New(t).Path("pets")
	got := Command([]string{"mgd3", "page", path}, map[string][]string{"set": {"pets=" + path}})
	address := store.Address(path)
	if want := "mgd3 page " + quoted(address) + " --set " + quoted("pets="+address); got != want ||
		!store.IsAddress(address) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestMadeBy: what has a command of its own keeps it.
func TestMadeBy(t *testing.T) {
	r := Result{Tables: []Table{{Command: "own"}, {}}, Plots: []Plot{{}}, Confusions: []Confusion{{}}}
	r.MadeBy("all")
	if r.Tables[0].Command != "own" || r.Tables[1].Command != "all" || r.Plots[0].Command != "all" ||
		r.Confusions[0].Command != "all" {
		t.Errorf("got %+v", r)
	}
}
