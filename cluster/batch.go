package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Batch is tasks of one stage that wait for the same: one submission.
type Batch struct {
	Stage Stage
	Tasks []int
	After string // as Slurm's --dependency takes it; "" waits for nothing
}

// Queue is which job each task of each stage is in that is queued or running.
type Queue map[string]map[int]string

func (q Queue) put(stage string, task int, job string) {
	if q[stage] == nil {
		q[stage] = map[int]string{}
	}
	q[stage][task] = job
}

// submission is one call of [Slurm.Submit], stage after stage.
type submission struct {
	stages  []Stage
	missing map[string][]int // tasks that have yet to be done
	queue   Queue            // what is queued, the jobs of this submission among it
	fresh   map[string]bool  // jobs of this submission
}

// batches returns what is to be submitted of a stage once the stages before it have been, and the tasks that are
// queued but wait for what is no longer there, to be taken out first.
func (b *submission) batches(s Stage) (list []Batch, stale []int) {
	before := b.queue[s.After]
	anyFresh := slices.ContainsFunc(slices.Collect(maps.Values(before)), func(job string) bool { return b.fresh[job] })
	anew := func(task int) bool { // something that the task needs is made anew
		if s.Each {
			return b.fresh[before[task]]
		}
		return anyFresh
	}
	all := b.waitForAll(s)
	missing := setOf(b.missing[s.Name])
	byWait := map[string][]int{}
	for task := range s.Tasks {
		again := anew(task)
		need := missing[task] || again && !s.Each && s.Tasks == 1
		_, queued := b.queue[s.Name][task]
		switch {
		case !need || queued && !again:
			continue
		case queued:
			stale = append(stale, task)
		}
		wait := all
		if s.Each {
			wait = b.waitForOne(s, task)
		}
		byWait[wait] = append(byWait[wait], task)
	}
	for _, wait := range slices.Sorted(maps.Keys(byWait)) {
		list = append(list, Batch{s, byWait[wait], wait})
	}
	return list, stale
}

func setOf(tasks []int) map[int]bool {
	set := map[int]bool{}
	for _, task := range tasks {
		set[task] = true
	}
	return set
}

// waitForOne is what a task waits for that needs the task before it alone.
func (b *submission) waitForOne(s Stage, task int) string {
	if job := b.queue[s.After][task]; job != "" {
		return "aftercorr:" + job
	}
	return ""
}

// waitForAll is what a task waits for that needs all of the stage before. Jobs of an earlier submission may have lost
// tasks that are submitted anew: of these the end alone is waited for.
func (b *submission) waitForAll(s Stage) string {
	kinds := map[string]bool{}
	for _, job := range b.queue[s.After] {
		kind := "afterany:"
		if b.fresh[job] {
			kind = "afterok:"
		}
		kinds[kind+job] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(kinds)), ",")
}

// Needed returns the tasks of each stage that have yet to be done. Latents may be deleted when the modes are there.
func Needed(l Layout, stages []Stage) (missing map[string][]int, err error) {
	exists, err := l.look()
	if err != nil {
		return nil, err
	}
	missing = map[string][]int{}
	for _, s := range stages {
		if missing[s.Name], err = l.missing(s, exists); err != nil {
			return nil, fmt.Errorf("which tasks of %s are done: %w", s.Name, err)
		}
	}
	if _, ok := missing[Modes]; ok {
		modes := setOf(missing[Modes])
		missing[Encode] = slices.DeleteFunc(missing[Encode], func(task int) bool { return !modes[task] })
	}
	return missing, nil
}
