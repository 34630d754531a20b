// Package house holds the test that watches who imports whom.
package house

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms lists what each package may import of this module: only what is above it in the flow of
// the data. matrix, diffusion, dataset, weights and rng stand alone.
var rooms = map[string][]string{
	"rng":                         {},
	"store":                       {"internal/process"},
	"internal/process":            {},
	"store/clouds":                {"store"},
	"internal/fixtures/storetest": {"store"},
	"matrix":                      {"matrix/internal/kernel"},
	"matrix/internal/kernel":      {},
	"modes":                       {"matrix"},
	"diffusion":                   {},
	"diffusion/scheduler":         {"diffusion", "weights"},
	"dataset": {"store", "dataset/internal/jpegplane", "dataset/internal/kernel", "dataset/internal/parquet",
		"internal/foreign", "internal/textfile"},
	"dataset/internal/jpegplane": {},
	"dataset/internal/kernel":    {},
	"dataset/internal/parquet":   {},
	"weights":                    {"store", "internal/foreign", "stage/seal"},
	"internal/foreign":           {},
	"stage/seal":                 {},
	"internal/textfile":          {},
	"weights/hub":                {"internal/foreign", "internal/words", "stage/atomicfile"},
	"stage/atomicfile":           {"store"},
	"cpu": {"cpu/internal/compile", "cpu/internal/ir", "cpu/internal/kernel", "cpu/internal/memory",
		"cpu/internal/passes", "cpu/internal/plain", "cpu/internal/team"},
	"cpu/internal/compile": {"cpu/internal/attention", "cpu/internal/conv", "cpu/internal/gemm",
		"cpu/internal/ir", "cpu/internal/kernel", "cpu/internal/loop", "cpu/internal/memory",
		"cpu/internal/plain", "cpu/internal/team"},
	"cpu/internal/passes":    {"cpu/internal/ir", "cpu/internal/plain"},
	"cpu/internal/plain":     {"cpu/internal/ir"},
	"cpu/internal/ir":        {},
	"cpu/internal/attention": {"cpu/internal/kernel", "cpu/internal/team"},
	"cpu/internal/conv":      {"cpu/internal/kernel", "cpu/internal/team"},
	"cpu/internal/gemm":      {"cpu/internal/kernel", "cpu/internal/team"},
	"cpu/internal/loop":      {"cpu/internal/kernel", "cpu/internal/team"},
	"cpu/internal/kernel":    {},
	"cpu/internal/memory":    {},
	"cpu/internal/team":      {},
	"engine":                 {"cpu", "weights", "internal/words"},
	"optim":                  {"engine", "weights"},
	"dit":                    {"diffusion", "diffusion/scheduler", "engine", "weights"},
	"unet":                   {"diffusion", "engine", "weights"},
	"latent":                 {"store", "engine", "matrix", "stage/atomicfile", "weights"},
	"features":               {"engine", "weights"},
	"text":                   {"engine", "weights"},
	"prompt":                 {"internal/textfile", "internal/words"},
	"stage":                  {"store", "stage/atomicfile", "stage/seal"},
	"stage/cost":             {"stage/atomicfile", "store"},
	"stage/lease":            {"internal/process", "store", "stage", "stage/atomicfile"},
	"stage/numbers":          {"stage", "stage/atomicfile", "weights"},
	"stage/batch":            {"engine", "stage"},
	"encode": {"store", "dataset", "engine", "latent", "rng", "stage", "stage/atomicfile", "stage/batch", "stage/lease",
		"stage/numbers", "internal/words"},
	"embedding": {"matrix", "stage/atomicfile", "weights"},
	"distill": {"store", "dataset", "diffusion", "diffusion/scheduler", "embedding", "encode", "engine", "latent",
		"matrix", "modes",
		"rng",
		"stage", "stage/atomicfile", "stage/batch", "stage/lease", "stage/numbers", "weights", "internal/words"},
	"cluster": {"store", "dataset", "distill", "encode", "evaluate", "stage", "stage/atomicfile",
		"internal/words"},
	"export": {"dataset", "distill", "sets", "stage", "stage/atomicfile", "weights", "internal/fault",
		"internal/words"},
	"stage/checkpoint": {"engine", "stage/atomicfile", "weights"},
	"train": {"store", "dataset", "diffusion", "diffusion/scheduler", "dit", "encode", "engine", "features", "latent",
		"optim",
		"rng",
		"stage", "stage/atomicfile", "stage/checkpoint", "stage/seal", "text", "unet", "weights", "internal/words"},
	"evaluate": {"dataset", "engine", "matrix", "optim", "rng", "stage", "stage/atomicfile",
		"stage/checkpoint", "stage/seal", "tensorset", "weights", "internal/words", "stage/cost"},
	"coreset":        {"matrix", "modes"},
	"scores":         {"matrix", "modes"},
	"scores/paired":  {},
	"scores/ranking": {},
	"report":         {"dataset", "store"},
	"findings":       {"dataset", "matrix"},
	"page": {"dataset", "distill", "encode", "findings", "matrix", "report", "scores", "sets",
		"stage/atomicfile", "stage/cost"},
	"sets":      {"store", "dataset", "distill", "glyphs", "tensorset"},
	"tensorset": {"dataset", "engine", "internal/words", "rng", "store", "weights"},
	"scoring": {"dataset", "distill", "encode", "engine", "evaluate", "features", "internal/fault", "internal/words",
		"latent", "matrix", "report", "scores", "sets", "stage", "stage/batch", "store", "tensorset"},
	"glyphs":       {"dataset", "rng", "stage", "stage/atomicfile"},
	"glyphs/model": {},
	"baseline": {"coreset", "dataset", "diffusion", "distill", "embedding", "encode", "engine", "latent", "matrix",
		"modes", "rng", "stage",
		"stage/atomicfile", "internal/words"},
	"compare": {"baseline", "dataset", "distill", "encode", "engine", "evaluate", "internal/fault", "internal/words",
		"matrix", "modes", "page", "report", "rng", "scores", "scores/paired", "scores/ranking", "scoring", "sets",
		"stage", "stage/atomicfile", "stage/lease", "store", "tensorset"},
	"demo": {"baseline", "compare", "dataset", "distill", "page", "report", "stage/atomicfile"},
	"convert": {"diffusion/scheduler", "dit", "latent", "model", "sd", "stage", "stage/atomicfile", "text", "unet",
		"weights"},
	"sd":     {"diffusion", "diffusion/scheduler", "engine", "text", "unet", "weights"},
	"refine": {"dataset", "distill", "modes", "stage/atomicfile"},
	"model": {"diffusion", "diffusion/scheduler", "distill", "dit", "engine", "internal/textfile", "latent", "sd",
		"weights"},
	"internal/fixtures/maker": {"baseline", "dataset", "diffusion", "distill", "dit", "encode", "internal/fixtures",
		"internal/fixtures/testengine", "latent", "modes"},
	"internal/bench": {"cpu", "dataset", "diffusion", "dit", "engine", "evaluate", "features", "latent", "matrix",
		"modes", "optim", "rng", "stage/atomicfile", "text", "unet", "weights", "stage/cost"},
	"internal/devices": {"distill", "stage"},
	"internal/fault":   {},
	"internal/opening": {"baseline", "embedding", "cluster", "dataset", "distill", "encode", "engine", "evaluate",
		"export", "glyphs/model", "internal/backends", "internal/exits", "latent", "model", "prompt", "sets", "stage",
		"stage/lease", "store", "train", "weights", "stage/cost"},
	"internal/cli":      {"store"},
	"internal/backends": {"engine", "internal/bench", "internal/doctor", "internal/exits"},
	"internal/doctor":   {},
	"internal/completion": {"baseline", "dataset", "diffusion", "distill", "encode", "engine", "evaluate", "export",
		"internal/backends", "internal/bench", "internal/cli", "internal/terminal", "modes", "tensorset",
		"weights/hub"},
	"internal/exits": {"baseline", "cluster", "compare", "dataset", "diffusion/scheduler", "distill", "engine",
		"evaluate",
		"export", "internal/bench", "internal/cli", "internal/fault", "internal/words", "model", "modes", "prompt",
		"scoring", "sd", "sets", "stage", "stage/atomicfile", "stage/lease", "store", "text", "train", "weights",
		"weights/hub"},
	"internal/terminal": {"baseline", "compare", "distill", "evaluate", "glyphs", "stage", "stage/atomicfile", "train",
		"weights",
		"weights/hub"},
	"cmd/mgd3": {"baseline", "cluster", "compare", "convert", "dataset", "demo", "diffusion", "diffusion/scheduler",
		"distill", "dit", "embedding", "encode", "engine", "evaluate", "export", "features", "findings", "glyphs",
		"glyphs/model",
		"internal/backends", "internal/bench", "internal/cli", "internal/completion", "internal/devices",
		"internal/doctor", "internal/exits",
		"internal/fault", "internal/opening", "internal/terminal", "internal/words", "latent", "model", "modes",
		"page", "prompt", "refine", "report", "review",
		"scores", "scores/ranking", "scoring", "sd", "serve", "sets", "stage",
		"stage/atomicfile",
		"stage/batch", "stage/checkpoint", "stage/lease", "store", "store/clouds", "tensorset", "text", "train",
		"weights", "weights/hub"},
	"internal/fixtures": {"dit", "engine", "features", "internal/fixtures/pytorch", "latent", "rng",
		"stage/atomicfile", "text", "unet", "weights"},
	"internal/fixtures/pytorch": {"rng", "stage/atomicfile", "weights"},
	"internal/fixtures/golden":  {"weights"},
	"review":                    {"distill", "export", "internal/words", "stage", "stage/atomicfile", "store"},
	"serve": {"cluster", "dataset", "distill", "encode", "review", "sets", "stage", "stage/atomicfile",
		"store"},
	"internal/fixtures/browser":    {},
	"internal/clients":             {},
	"internal/words":               {},
	"internal/fixtures/testengine": {"engine"},
	"internal/fixtures/tinyrun": {"dataset", "diffusion", "distill", "dit", "encode", "internal/fixtures",
		"internal/fixtures/testengine", "latent", "modes", "stage"},
	"internal/house": {},
	"bench/bucket":   {"store", "store/clouds"},
	"bench/campaign": {"internal/fixtures", "internal/fixtures/storetest"},
	"bench/kubelet":  {},
	"bench/realsize": {"dit", "engine", "latent", "rng", "stage/atomicfile", "text", "unet",
		"weights"},
	"bench/scale": {"dataset", "diffusion", "distill", "dit", "encode", "engine", "internal/fixtures", "latent",
		"matrix", "modes", "rng", "stage"},
}

func TestNoRoomImportsALaterOne(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`,
		"mgd3/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], "mgd3/")
		allowed, known := rooms[room]
		if !known {
			t.Errorf("package %s is not in the table of rooms", room)
			continue
		}
		seen++
		for _, path := range fields[1:] {
			name, ours := strings.CutPrefix(path, "mgd3/")
			if ours && !slices.Contains(allowed, name) {
				t.Errorf("%s imports %s, want only %v", room, name, allowed)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("found %d packages, the table of rooms has %d", seen, len(rooms))
	}
}

// forTests reports whether a room serves tests and measurements alone.
func forTests(room string) bool {
	return strings.HasPrefix(room, "internal/fixtures") || strings.HasPrefix(room, "bench/") ||
		room == "internal/clients" || room == "internal/house"
}

// TestFixturesStayInTests: what is made for tests, and the programs that measure, are no part of mgd3.
func TestFixturesStayInTests(t *testing.T) {
	for room, imports := range rooms {
		if forTests(room) {
			continue
		}
		for _, name := range imports {
			if forTests(name) {
				t.Errorf("%s may import %s, which is for tests and measurements alone", room, name)
			}
		}
	}
}

// TestProgramsSaySoByFolder: a package main lies in cmd or bench, and everything below internal is in its README.
func TestProgramsSaySoByFolder(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{.Name}}`, "mgd3/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], "mgd3/")
		if fields[1] == "main" && !strings.HasPrefix(room, "cmd/") && !strings.HasPrefix(room, "bench/") {
			t.Errorf("%s is a program, want it below cmd or bench", room)
		}
		if name, ok := strings.CutPrefix(room, "internal/"); ok && !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("internal/README.md says nothing of %s", name)
		}
	}
}
