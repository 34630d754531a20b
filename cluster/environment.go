package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/words"
	"mgd3/stage"
)

// Shards is the variable that says how many parts there are, where the scheduler does not.
const Shards = "MGD3_SHARDS"

// ErrEnvironment says that the variables of the environment do not name one part of the work.
var ErrEnvironment = errors.New("--shard auto")

// variables are what one kind of starter tells a process. index and count name variables. Without count the count is
// in [Shards]. Where first is given, indices run from first to last by step.
type variables struct {
	by                string
	index, count      string
	first, last, step string
}

// starters are whoever starts many processes, by their documentation. What a variable is set to where there is no
// array counts as not set.
var starters = []variables{
	{by: "a Slurm array", index: "SLURM_ARRAY_TASK_ID", count: "SLURM_ARRAY_TASK_COUNT", first: "SLURM_ARRAY_TASK_MIN",
		last: "SLURM_ARRAY_TASK_MAX", step: "SLURM_ARRAY_TASK_STEP"},
	{by: "srun", index: "SLURM_PROCID", count: "SLURM_STEP_NUM_TASKS"},
	{by: "a Kubernetes Indexed Job", index: "JOB_COMPLETION_INDEX"},
	{by: "AWS Batch", index: "AWS_BATCH_JOB_ARRAY_INDEX", count: "AWS_BATCH_JOB_ARRAY_SIZE"},
	{by: "Google Batch", index: "BATCH_TASK_INDEX", count: "BATCH_TASK_COUNT"},
	{by: "a Cloud Run job", index: "CLOUD_RUN_TASK_INDEX", count: "CLOUD_RUN_TASK_COUNT"},
	{by: "Nomad", index: "NOMAD_ALLOC_INDEX"},
	{by: "PBS", index: "PBS_ARRAY_INDEX"},
	{by: "Torque", index: "PBS_ARRAYID"},
	{by: "SGE", index: "SGE_TASK_ID", first: "SGE_TASK_FIRST", last: "SGE_TASK_LAST", step: "SGE_TASK_STEPSIZE"},
	{by: "torchrun", index: "RANK", count: "WORLD_SIZE"},
	{by: "Open MPI", index: "OMPI_COMM_WORLD_RANK", count: "OMPI_COMM_WORLD_SIZE"},
	{by: "MPI", index: "PMI_RANK", count: "PMI_SIZE"},
	{by: "SkyPilot's nodes", index: "SKYPILOT_NODE_RANK", count: "SKYPILOT_NUM_NODES"},
	{by: "SkyPilot's pool", index: "SKYPILOT_JOB_RANK", count: "SKYPILOT_NUM_JOBS"},
	{by: "dstack", index: "DSTACK_NODE_RANK", count: "DSTACK_NODES_NUM"},
}

// Shard returns the part of the work that the environment gives this process, and the variables that say so. Two
// starters that give different parts are an [ErrEnvironment] that names their variables; one that started a single
// process says nothing where another started many.
func Shard(getenv func(string) string) (shard stage.Shard, by string, err error) {
	get := func(name string) string {
		if v := getenv(name); v != "undefined" { // SGE's word for a job that is no array
			return v
		}
		return ""
	}
	var parts []part
	for _, v := range starters {
		if get(v.index) == "" {
			continue
		}
		s, by, err := v.shard(get)
		if err != nil {
			return stage.Shard{}, "", fmt.Errorf("%w: %w", ErrEnvironment, err)
		}
		parts = append(parts, part{s, by})
	}
	if len(parts) == 0 {
		return stage.Shard{}, "", fmt.Errorf("%w: nothing says which part this process has: none of %s is set",
			ErrEnvironment, words.Or(indices()))
	}
	if slices.ContainsFunc(parts, func(p part) bool { return p.Count > 1 }) {
		parts = slices.DeleteFunc(parts, func(p part) bool { return p.Count == 1 })
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.Count, a.Count) }) // unknown counts last
	if parts[0].Count == 0 {
		return stage.Shard{}, "", fmt.Errorf("%w: %s is set and %s is not, want the number of parts there",
			ErrEnvironment,
			parts[0].by, Shards)
	}
	for _, p := range parts[1:] {
		if p.Shard != parts[0].Shard && p.Shard != (stage.Shard{Index: parts[0].Index}) {
			return stage.Shard{}, "", fmt.Errorf("%w: %s is part %v, and %s is part %v", ErrEnvironment, parts[0].by,
				parts[0].Shard, p.by, p.said())
		}
	}
	return parts[0].Shard, parts[0].by, nil
}

// part is what one starter says. A Count of 0 is one that it does not say.
type part struct {
	stage.Shard
	by string
}

func (p part) said() string {
	if p.Count == 0 {
		return strconv.Itoa(p.Index)
	}
	return p.Shard.String()
}

func indices() (names []string) {
	for _, v := range starters {
		names = append(names, v.index)
	}
	return names
}

// shard reads the variables. by names those it took, with their values.
func (v variables) shard(get func(string) string) (s stage.Shard, by string, err error) {
	read := numbers{get: get}
	s.Index = read.number(v.index, "")
	first, step := 0, 1
	switch {
	case v.first != "" && get(v.first) != "":
		first, step = read.number(v.first, ""), max(1, read.number(v.step, "1"))
		s.Index -= first
		if s.Index%step != 0 {
			return s, "", fmt.Errorf("%s is not %s and a multiple of %s", read.said(v.index), read.said(v.first),
				read.said(v.step))
		}
		s.Index /= step
		s.Count = (read.number(v.last, "")-first)/step + 1
		if v.count != "" && get(v.count) != "" && read.err == nil {
			if n := read.number(v.count, ""); n != s.Count {
				return s, "", fmt.Errorf("%s, but from %s to %s by %s there are %d: the array is no range of numbers",
					read.said(v.count), read.said(v.first), read.said(v.last), step1(read, v.step), s.Count)
			}
		}
	case v.count != "":
		s.Count = read.number(v.count, "")
	case get(Shards) != "":
		s.Count = read.number(Shards, "")
	case read.err == nil: // another starter may say how many there are
		return s, read.by(), nil
	}
	if read.err != nil {
		return s, "", fmt.Errorf("%s, by the variable %s: %w", v.by, v.index, read.err)
	}
	if have := get(Shards); have != "" && have != strconv.Itoa(s.Count) {
		return s, "", fmt.Errorf("%s is %q, and by %s there are %d parts", Shards, have, read.by(), s.Count)
	}
	if s.Count < 1 || s.Index < 0 || s.Index >= s.Count {
		return s, "", fmt.Errorf("%s is part %d of %d, counted from 0", read.by(), s.Index, s.Count)
	}
	return s, read.by(), nil
}

func step1(r numbers, name string) string {
	if r.get(name) == "" {
		return "1"
	}
	return r.said(name)
}

// numbers reads variables that are whole numbers, and remembers which, and the first that is none.
type numbers struct {
	get  func(string) string
	read []string
	err  error
}

// number is the variable's value, usual where it is not set; "" means that it must be.
func (r *numbers) number(name, usual string) int {
	text := r.get(name)
	if text == "" {
		text = usual
	} else {
		r.read = append(r.read, name)
	}
	n, err := strconv.Atoi(text)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s is %q, want a whole number", name, text)
		if text == "" {
			r.err = fmt.Errorf("%s is not set, want a whole number", name)
		}
	}
	return n
}

func (r numbers) said(name string) string { return name + "=" + r.get(name) }

// by is all variables that were read, with their values.
func (r numbers) by() string {
	var list []string
	for _, name := range r.read {
		list = append(list, r.said(name))
	}
	return strings.Join(list, " ")
}
