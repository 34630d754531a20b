package cluster

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mgd3/dataset"
)

// asked is a run whose commands take the flags that the table says.
func asked(given ...Flag) Request {
	takes := map[string][]string{
		"encode": {"data", "out", "latents"}, "modes": {"ipc", "out", "latents"}, "sample": {"seed", "out", "latents"},
		"distill": {"data", "ipc", "seed", "out", "latents", "teacher"}, "merge": {"out"},
		"evaluate": {"ipc", "seed", "out", "test", "teacher"},
	}
	return Request{Out: "run", IPC: 2, Given: given, Evaluation: Evaluation{Repeat: 1},
		Takes: func(command, flag string) bool { return slices.Contains(takes[command], flag) }}
}

func TestCommands(t *testing.T) {
	given := []Flag{{"data", "set"}, {"ipc", "2"}, {"latents", "cache"}, {"out", "run"}, {"quiet", "true"},
		{"seed", "3"}, {"test", "set"}}
	seed := uint64(3)
	for _, c := range []struct {
		name   string
		change func(*Request)
		want   map[string]string // by the first word
	}{
		{"to each its own", func(r *Request) { r.Latents = "cache" }, map[string]string{
			"encode":  "encode --data=set --out=run --json --latents=cache",
			"modes":   "modes --out=run --json --ipc=2 --latents=cache",
			"sample":  "sample --out=run --json --seed=3 --latents=cache",
			"distill": "distill --data=set --out=run --json --ipc=2 --seed=3 --latents=cache",
			"merge":   "merge --out=run --json",
		}},
		{"the preset's seed of encoding", func(r *Request) { r.Latents, r.EncodeSeed = "cache", &seed },
			map[string]string{
				"encode": "encode --data=set --out=run --json --latents=" +
					filepath.Join("cache", "seed-3") + " --encode-seed=3",
				"modes":   "modes --out=run --json --ipc=2 --latents=" + filepath.Join("cache", "seed-3"),
				"distill": "distill --data=set --out=run --json --ipc=2 --seed=3 --latents=cache",
			}},
		{"no folder of latents", func(r *Request) { r.EncodeSeed = &seed }, map[string]string{
			"encode": "encode --data=set --out=run --json --encode-seed=3"}},
		{"trainings", func(r *Request) {
			r.Evaluation = Evaluation{Test: "set", Nets: []string{"a", "b"}, Changes: []string{"rate=1"}, Repeat: 3}
		}, map[string]string{"evaluate": "evaluate --train=distilled=run --test=set --json --rate=1 --net=a,b --out=" +
			filepath.Join("run", "evaluation")}},
		{"a teacher of each", func(r *Request) {
			r.Given = []Flag{{"teacher", "chooses.pth"}}
			r.Evaluation = Evaluation{Test: "set", Nets: []string{"a"}, Repeat: 1,
				Changes: []string{"teacher=labels.pth"}}
		}, map[string]string{"distill": "distill --teacher=chooses.pth --json",
			"evaluate": "evaluate --train=distilled=run --json --teacher=labels.pth --net=a --out=" +
				filepath.Join("run", "evaluation")}},
	} {
		r := asked(given...)
		c.change(&r)
		got := r.Commands()
		if r.Test == "" && got.Evaluate != nil {
			t.Errorf("%s: trainings that nobody asked for: %q", c.name, got.Evaluate)
		}
		for _, args := range [][]string{got.Encode, got.Modes, got.Sample, got.Distill, got.Merge, got.Evaluate} {
			if line := strings.Join(args, " "); args != nil && c.want[args[0]] != "" && line != c.want[args[0]] {
				t.Errorf("%s: got  %s\nwant %s", c.name, line, c.want[args[0]])
			}
		}
	}
}

// TestEvaluationCheck: what would only end the last tasks of a run is refused before the first.
func TestEvaluationCheck(t *testing.T) {
	for want, v := range map[string]Evaluation{
		"--repeat is 0":                   {},
		`--change is "rate"`:              {Repeat: 1, Changes: []string{"rate"}},
		`--change is "out=x"`:             {Repeat: 1, Changes: []string{"rate=1", "out=x"}},
		`network "resnet19" is not known`: {Repeat: 1, Test: "set", Nets: []string{"convnet3", "resnet19"}},
		`"quik"`:                          {Repeat: 1, Test: "set", Protocol: "quik"},
		"soft has soft labels":            {Repeat: 1, Test: "set", Protocol: "soft"},
		"want --change teacher=FILE": {Repeat: 1, Test: "set", Protocol: "soft",
			Changes: []string{"teacher-net=x"}},
		"labels of --protocol quick are hard": {Repeat: 1, Test: "set", Protocol: "quick",
			Changes: []string{"teacher=train"}},
	} {
		if err := v.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := (Evaluation{Repeat: 1, Changes: []string{"rate=1=2"}}).Check(); err != nil {
		t.Error(err)
	}
	good := Evaluation{Repeat: 1, Test: "set", Nets: []string{"convnet3", "resnet18"}, Protocol: "hard"}
	taught := good
	taught.Protocol, taught.Changes = "soft", []string{"teacher=train", "teacher-data=set"}
	if err := errors.Join(good.Check(), taught.Check()); err != nil {
		t.Error(err)
	}
}

func TestCount(t *testing.T) {
	set := &dataset.Set{Classes: []dataset.Class{{Name: "cat", Images: make([]dataset.Ref, 3)},
		{Name: "dog", Images: make([]dataset.Ref, 4)}}}
	r := asked()
	r.Nets = []string{"a", "b"} // that nobody trains without a test set
	w, l := r.Count(set)
	if w != (Work{Classes: 2, Real: 7, Synthetic: 4}) {
		t.Errorf("got %+v", w)
	}
	if l.Latents != filepath.Join("run", "latents") || l.Nets != nil ||
		!slices.Equal(l.Classes, []string{"cat", "dog"}) {
		t.Errorf("got %+v", l)
	}
	r.Test, r.Repeat = "set", 5
	if w, l := r.Count(set); w.Trainings != 10 || len(l.Nets) != 2 {
		t.Errorf("got %+v, %+v", w, l)
	}
}

func TestNeedsTimes(t *testing.T) {
	known := Times{time.Second, time.Second}
	for _, c := range []struct {
		cut   Cut
		times Times
		want  bool
	}{
		{Cut{}, Times{}, true},
		{Cut{Tasks: 2}, Times{EncodeEach: time.Second}, true},
		{Cut{Tasks: 2, Limit: time.Hour}, Times{}, false},
		{Cut{}, known, false},
	} {
		if got := c.cut.Needs(c.times); got != c.want {
			t.Errorf("%+v with %+v: got %v", c.cut, c.times, got)
		}
	}
}
