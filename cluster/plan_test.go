package cluster

import (
	"slices"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	imagenet := Work{Classes: 1000, Real: 1_281_167, Synthetic: 50_000, Times: Times{21200 * time.Microsecond,
		1700 * time.Millisecond}, Trainings: 9}
	small := Work{Classes: 10, Real: 400, Synthetic: 40}
	for _, c := range []struct {
		name                   string
		w                      Work
		c                      Cut
		encode, sample         int  // tasks
		each                   bool // sampling waits for its own modes only
		longest, limit, merges time.Duration
	}{
		{"ImageNet, tasks of an hour", imagenet, Cut{Aim: time.Hour}, 24, 24, true, 3542*time.Second +
			800*time.Millisecond,
			2*time.Hour + 8*time.Minute, 10 * time.Minute},
		{"ImageNet, a limit given", imagenet, Cut{Aim: time.Hour, Limit: 3 * time.Hour}, 24, 24, true,
			3542*time.Second + 800*time.Millisecond, 3 * time.Hour, 3 * time.Hour},
		{"tasks given, no time known", small, Cut{Tasks: 4}, 4, 4, true, 0, 10 * time.Minute, 10 * time.Minute},
		{"more tasks than classes", small, Cut{Tasks: 20}, 10, 20, false, 0, 10 * time.Minute, 10 * time.Minute},
		{"more tasks than images", small, Cut{Tasks: 99}, 10, 40, false, 0, 10 * time.Minute, 10 * time.Minute},
	} {
		list, err := Plan(c.w, c.c, Commands{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		sample := list[2]
		if list[0].Tasks != c.encode || list[1].Tasks != c.encode || sample.Tasks != c.sample ||
			sample.Each != c.each ||
			!list[1].Each || sample.Time != c.longest || sample.Limit != c.limit || list[3].Limit != c.merges {
			t.Errorf("%s: got %+v", c.name, list)
		}
		if evaluated := len(list) == 6 && list[4].Tasks == c.w.Trainings; evaluated != (c.w.Trainings > 0) {
			t.Errorf("%s: got %d stages for %d trainings", c.name, len(list), c.w.Trainings)
		}
	}
	for name, c := range map[string]Cut{"no time": {Aim: time.Hour}, "too many": {Tasks: 1001}} {
		if _, err := Plan(small, c, Commands{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestPlanLastsAsAsked: whatever the work, a task of the longest stage lasts no more than asked where there are classes
// enough, and no stage has more tasks than can be.
func TestPlanLastsAsAsked(t *testing.T) {
	for _, w := range []Work{
		{Classes: 1000, Real: 1_281_167, Synthetic: 50_000, Times: Times{21 * time.Millisecond,
			1700 * time.Millisecond}},
		{Classes: 10_450, Real: 11_060_223, Synthetic: 104_500, Times: Times{21 * time.Millisecond,
			time.Second}},
		{Classes: 100, Real: 130_000, Synthetic: 1000, Times: Times{21 * time.Millisecond, time.Second}},
		{Classes: 1, Real: 1, Synthetic: 1, Times: Times{time.Millisecond, time.Millisecond}},
	} {
		list, err := Plan(w, Cut{Aim: time.Hour}, Commands{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Tasks < 1 || s.Tasks > min(MostTasks, w.Classes) || s.Time > time.Hour+w.SampleEach+w.EncodeEach {
				t.Errorf("%+v: %s has %d tasks of %v", w, s.Name, s.Tasks, s.Time)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	for want, in := range map[string][]int{"": {}, "0": {0}, "0-3": {0, 1, 2, 3}, "1,3-4,9": {9, 1, 4, 3}} {
		if got := Ranges(in); got != want {
			t.Errorf("%v: got %q, want %q", in, got, want)
		}
	}
}

func TestHeals(t *testing.T) {
	for code, want := range map[int]bool{0: false, 1: true, 2: false, 3: false, 4: false, 5: true, 6: true, 7: true,
		8:   true,
		130: true, 137: true} {
		if got := Heals(code); got != want {
			t.Errorf("exit code %d: got %v, want %v", code, got, want)
		}
	}
}

// TestBatches: what is missing is submitted, once, and waits for what it needs.
func TestBatches(t *testing.T) {
	stages, err := Plan(Work{Classes: 4, Real: 4, Synthetic: 4}, Cut{Tasks: 4}, Commands{})
	if err != nil {
		t.Fatal(err)
	}
	joint, err := Plan(Work{Classes: 2, Real: 2, Synthetic: 4}, Cut{Tasks: 4}, Commands{})
	if err != nil {
		t.Fatal(err)
	}
	all := []int{0, 1, 2, 3}
	for _, c := range []struct {
		name    string
		stages  []Stage
		missing map[string][]int
		queue   Queue
		want    []string // STAGE TASKS AFTER
	}{
		{"all", stages, map[string][]int{Encode: all, Modes: all, Sample: all, Merge: {0}}, Queue{},
			[]string{"encode 0-3 ", "modes 0-3 aftercorr:ENCODE", "sample 0-3 aftercorr:MODES",
				"merge 0 afterok:SAMPLE"}},
		{"nothing", stages, map[string][]int{}, Queue{}, nil},
		{"two samples", stages, map[string][]int{Sample: {1, 3}}, Queue{},
			[]string{"sample 1,3 ", "merge 0 afterok:SAMPLE"}},
		{"one class from the start, another's samples", stages,
			map[string][]int{Encode: {0}, Modes: {0}, Sample: {0, 2}, Merge: {0}},
			Queue{}, []string{"encode 0 ", "modes 0 aftercorr:ENCODE", "sample 2 ", "sample 0 aftercorr:MODES",
				"merge 0 afterok:SAMPLE"}},
		{"all in the queue", stages, map[string][]int{Encode: all, Modes: all, Sample: all, Merge: {0}},
			Queue{Encode: {0: "7", 1: "7", 2: "7", 3: "7"}, Modes: {0: "8", 1: "8", 2: "8", 3: "8"},
				Sample: {0: "9", 1: "9", 2: "9", 3: "9"}, Merge: {0: "10"}}, nil},
		{"modes lost one", stages, map[string][]int{Encode: {3}, Modes: {1, 3}, Sample: {1, 3}, Merge: {0}},
			Queue{Encode: {3: "7"}, Modes: {3: "8"}, Sample: {3: "9"}, Merge: {0: "10"}},
			[]string{"modes 1 ", "sample 1 aftercorr:MODES", "out of the queue merge 0",
				"merge 0 afterany:9,afterok:SAMPLE"}},
		{"its modes are made anew", stages, map[string][]int{Modes: {1}, Sample: {1}, Merge: {0}},
			Queue{Sample: {1: "9"}},
			[]string{"modes 1 ", "out of the queue sample 1", "sample 1 aftercorr:MODES", "merge 0 afterok:SAMPLE"}},
		{"a joint", joint, map[string][]int{Encode: {0, 1}, Modes: {0, 1}, Sample: all, Merge: {0}}, Queue{},
			[]string{"encode 0-1 ", "modes 0-1 aftercorr:ENCODE", "sample 0-3 afterok:MODES",
				"merge 0 afterok:SAMPLE"}},
	} {
		b := submission{c.stages, c.missing, c.queue, map[string]bool{}}
		var got []string
		for _, s := range c.stages {
			list, stale := b.batches(s)
			if len(stale) > 0 {
				got = append(got, "out of the queue "+s.Name+" "+Ranges(stale))
			}
			for _, batch := range list {
				got = append(got, s.Name+" "+Ranges(batch.Tasks)+" "+batch.After)
				job := map[string]string{Encode: "ENCODE", Modes: "MODES", Sample: "SAMPLE", Merge: "MERGE"}[s.Name]
				for _, task := range batch.Tasks {
					b.queue.put(s.Name, task, job)
				}
				b.fresh[job] = true
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%q\nwant\n%q", c.name, got, c.want)
		}
	}
}
