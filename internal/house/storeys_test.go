package house

import (
	"slices"
	"strings"
	"testing"
)

// storey is a group of packages that stand at one height.
type storey struct {
	title string
	rooms []string
}

// storeys are those of the program, the lowest first: a package imports packages of its own storey and of lower ones.
// What serves tests and measurements, and the internal packages of a package, have none.
var storeys = []storey{
	{"numbers, files, words", []string{"rng", "matrix", "store", "store/clouds", "stage/atomicfile", "stage/seal",
		"weights", "weights/hub", "internal/foreign", "internal/textfile", "internal/words", "internal/fault",
		"internal/process"}},
	{"computing", []string{"cpu", "engine", "optim"}},
	{"work that resumes", []string{"stage", "stage/batch", "stage/checkpoint", "stage/cost", "stage/lease",
		"stage/numbers"}},
	{"images, prompts, vectors", []string{"dataset", "tensorset", "glyphs", "glyphs/model", "prompt", "embedding",
		"findings"}},
	{"the method and its networks", []string{"modes", "coreset", "diffusion", "diffusion/scheduler", "dit", "unet",
		"latent", "text", "features", "sd"}},
	{"making sets and models", []string{"encode", "distill", "train", "model", "convert", "baseline", "sets", "export",
		"refine", "review"}},
	{"judging and showing", []string{"scores", "scores/paired", "scores/ranking", "scoring", "evaluate", "report",
		"page", "compare", "demo"}},
	{"runs of machines and people", []string{"cluster", "serve", "internal/bench", "internal/cli", "internal/backends",
		"internal/exits", "internal/opening", "internal/terminal", "internal/devices", "internal/completion",
		"internal/doctor"}},
	{"the command", []string{"cmd/mgd3"}},
}

// apart reports whether a room has no storey: it is for tests and measurements, or inside another package's room.
func apart(room string) bool {
	_, inside, found := strings.Cut(room, "/internal/")
	return forTests(room) || found && inside != ""
}

// heights are the storeys of the rooms that have one.
func heights() map[string]int {
	at := map[string]int{}
	for i, s := range storeys {
		for _, room := range s.rooms {
			at[room] = i
		}
	}
	return at
}

// TestNothingImportsUpwards: every package of the program has one storey, and none imports from a higher one.
func TestNothingImportsUpwards(t *testing.T) {
	at, listed := heights(), 0
	for _, s := range storeys {
		listed += len(s.rooms)
		for _, room := range s.rooms {
			if rooms[room] == nil {
				t.Errorf("%q is no package", room)
			}
		}
	}
	if listed != len(at) {
		t.Errorf("%d rooms are listed, of which %d are different", listed, len(at))
	}
	for room, imports := range rooms {
		height, ok := at[room]
		if apart(room) {
			continue
		}
		if !ok {
			t.Errorf("%s has no storey", room)
			continue
		}
		for _, name := range imports {
			if !apart(name) && at[name] > height {
				t.Errorf("%s (%s) imports %s (%s), which is higher", room, storeys[height].title, name,
					storeys[at[name]].title)
			}
		}
	}
}

// TestNoCircle: packages can be taken away one after another, each when nothing that it imports is left. The table, and
// not the compiler alone, is tried: it may allow more than the code does today.
func TestNoCircle(t *testing.T) {
	left := map[string]bool{}
	for room := range rooms {
		left[room] = true
	}
	for n := -1; n != len(left); { // until a round takes nothing away
		n = len(left)
		for room := range left {
			if !slices.ContainsFunc(rooms[room], func(name string) bool { return left[name] }) {
				delete(left, room)
			}
		}
	}
	for room := range left {
		t.Errorf("%s is in a circle, or above one: it imports %v", room, rooms[room])
	}
}
