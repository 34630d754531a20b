package cluster

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"mgd3/stage"
)

// environment reads "NAME=VALUE NAME=VALUE".
func environment(text string) func(string) string {
	set := map[string]string{}
	for _, one := range strings.Fields(text) {
		name, value, _ := strings.Cut(one, "=")
		set[name] = value
	}
	return func(name string) string { return set[name] }
}

func TestShard(t *testing.T) {
	for _, c := range []struct {
		env  string
		want stage.Shard
		says string // the variables that were taken, or a part of the error
	}{
		{"SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=16 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=15 " +
			"SLURM_ARRAY_TASK_STEP=1",
			stage.Shard{Index: 3, Count: 16}, "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=0"},
		{"SLURM_ARRAY_TASK_ID=16 SLURM_ARRAY_TASK_COUNT=16 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=16 " +
			"SLURM_ARRAY_TASK_STEP=1",
			stage.Shard{Index: 15, Count: 16}, "SLURM_ARRAY_TASK_ID=16"},
		{"SLURM_ARRAY_TASK_ID=25 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_MAX=35 " +
			"SLURM_ARRAY_TASK_STEP=10",
			stage.Shard{Index: 2, Count: 4}, "SLURM_ARRAY_TASK_STEP=10"},
		{"SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=5 " +
			"SLURM_ARRAY_TASK_STEP=4",
			stage.Shard{Index: 0, Count: 2}, "SLURM_ARRAY_TASK_ID=0"},
		{"SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=7 " +
			"SLURM_ARRAY_TASK_STEP=1",
			stage.Shard{}, "SLURM_ARRAY_TASK_COUNT=2, but from SLURM_ARRAY_TASK_MIN=3 to SLURM_ARRAY_TASK_MAX=7"},
		{"SLURM_ARRAY_TASK_ID=6 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=7 " +
			"SLURM_ARRAY_TASK_STEP=4",
			stage.Shard{}, "SLURM_ARRAY_TASK_ID=6 is not SLURM_ARRAY_TASK_MIN=3 and a multiple"},
		{"SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2", stage.Shard{Index: 1, Count: 2}, "SLURM_ARRAY_TASK_ID=1"},
		{"SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2", stage.Shard{Index: 1, Count: 2},
			"SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2"},
		{"JOB_COMPLETION_INDEX=0 MGD3_SHARDS=8", stage.Shard{Index: 0, Count: 8},
			"JOB_COMPLETION_INDEX=0 MGD3_SHARDS=8"},
		{"JOB_COMPLETION_INDEX=0", stage.Shard{}, "JOB_COMPLETION_INDEX=0 is set and MGD3_SHARDS is not"},
		{"JOB_COMPLETION_INDEX=8 MGD3_SHARDS=8", stage.Shard{}, "part 8 of 8, counted from 0"},
		{"JOB_COMPLETION_INDEX=0 MGD3_SHARDS=many", stage.Shard{}, `MGD3_SHARDS is "many", want a whole number`},
		{"AWS_BATCH_JOB_ARRAY_INDEX=9 AWS_BATCH_JOB_ARRAY_SIZE=10", stage.Shard{Index: 9, Count: 10},
			"AWS_BATCH_JOB_ARRAY_INDEX=9"},
		{"BATCH_TASK_INDEX=1 BATCH_TASK_COUNT=4", stage.Shard{Index: 1, Count: 4}, "BATCH_TASK_INDEX=1"},
		{"CLOUD_RUN_TASK_INDEX=1 CLOUD_RUN_TASK_COUNT=4", stage.Shard{Index: 1, Count: 4}, "CLOUD_RUN_TASK_INDEX=1"},
		{"NOMAD_ALLOC_INDEX=1 MGD3_SHARDS=4", stage.Shard{Index: 1, Count: 4}, "NOMAD_ALLOC_INDEX=1 MGD3_SHARDS=4"},
		{"PBS_ARRAY_INDEX=2 MGD3_SHARDS=4", stage.Shard{Index: 2, Count: 4}, "PBS_ARRAY_INDEX=2"},
		{"PBS_ARRAYID=2 MGD3_SHARDS=4", stage.Shard{Index: 2, Count: 4}, "PBS_ARRAYID=2"},
		{"SGE_TASK_ID=1 SGE_TASK_FIRST=1 SGE_TASK_LAST=4 SGE_TASK_STEPSIZE=1", stage.Shard{Index: 0, Count: 4},
			"SGE_TASK_ID=1"},
		{"SGE_TASK_ID=7 SGE_TASK_FIRST=1 SGE_TASK_LAST=8 SGE_TASK_STEPSIZE=3", stage.Shard{Index: 2, Count: 3},
			"SGE_TASK_ID=7"},
		{"SGE_TASK_ID=undefined SGE_TASK_FIRST=undefined RANK=1 WORLD_SIZE=2", stage.Shard{Index: 1, Count: 2},
			"RANK=1"},
		{"RANK=3 WORLD_SIZE=4", stage.Shard{Index: 3, Count: 4}, "RANK=3 WORLD_SIZE=4"},
		{"RANK=3", stage.Shard{}, "torchrun, by the variable RANK: WORLD_SIZE is not set"},
		{"RANK= WORLD_SIZE=4", stage.Shard{}, "nothing says which part"},
		{"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2", stage.Shard{Index: 1, Count: 2}, "OMPI_COMM_WORLD_RANK=1"},
		{"PMI_RANK=1 PMI_SIZE=2", stage.Shard{Index: 1, Count: 2}, "PMI_RANK=1"},
		{"SKYPILOT_NODE_RANK=1 SKYPILOT_NUM_NODES=2", stage.Shard{Index: 1, Count: 2}, "SKYPILOT_NODE_RANK=1"},
		{"SKYPILOT_JOB_RANK=5 SKYPILOT_NUM_JOBS=9", stage.Shard{Index: 5, Count: 9}, "SKYPILOT_JOB_RANK=5"},
		{"DSTACK_NODE_RANK=1 DSTACK_NODES_NUM=2", stage.Shard{Index: 1, Count: 2}, "DSTACK_NODE_RANK=1"},
		{"", stage.Shard{}, "SLURM_ARRAY_TASK_ID, "},
		{"MGD3_SHARDS=4", stage.Shard{}, "nothing says which part"},
		{"MGD3_SHARDS=4 RANK=3 WORLD_SIZE=8", stage.Shard{},
			`MGD3_SHARDS is "4", and by RANK=3 WORLD_SIZE=8 there are 8 parts`},
		{"RANK=0 WORLD_SIZE=1", stage.Whole, "RANK=0 WORLD_SIZE=1"},

		// two that say the same; one that started a single process, within another's many; two that disagree
		{"SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4 RANK=1 WORLD_SIZE=4", stage.Shard{Index: 1, Count: 4},
			"SLURM_PROCID=1"},
		{"SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1",
			stage.Shard{Index: 1, Count: 2}, "SLURM_ARRAY_TASK_ID=1"},
		{"SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 RANK=0 WORLD_SIZE=2", stage.Shard{},
			"SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 is part 1/2, and RANK=0 WORLD_SIZE=2 is part 0/2"},
		{"RANK=1 WORLD_SIZE=4 SKYPILOT_NODE_RANK=1 SKYPILOT_NUM_NODES=2", stage.Shard{}, "is part 1/2"},
		{"JOB_COMPLETION_INDEX=1 RANK=1 WORLD_SIZE=4", stage.Shard{Index: 1, Count: 4}, "RANK=1 WORLD_SIZE=4"},
		{"JOB_COMPLETION_INDEX=2 RANK=1 WORLD_SIZE=4", stage.Shard{}, "and JOB_COMPLETION_INDEX=2 is part 2"},
	} {
		got, by, err := Shard(environment(c.env))
		if c.want == (stage.Shard{}) {
			if !errors.Is(err, ErrEnvironment) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, error %v, want an ErrEnvironment with %q", c.env, got, err, c.says)
			}
			continue
		}
		if err != nil || got != c.want || !strings.HasPrefix(by, c.says) && !strings.Contains(by, c.says) {
			t.Errorf("%s: got %v by %q, error %v, want %v by %q", c.env, got, by, err, c.want, c.says)
		}
	}
}

// TestShardOfEveryStarter: all processes of a starter together have all parts, each once.
func TestShardOfEveryStarter(t *testing.T) {
	const n = 5
	for _, v := range starters {
		seen := map[stage.Shard]bool{}
		for i := range n {
			set := map[string]string{v.index: strconv.Itoa(i)}
			switch {
			case v.first != "":
				set[v.index], set[v.first], set[v.last], set[v.step] = strconv.Itoa(1+2*i), "1", strconv.Itoa(2*n), "2"
			case v.count == "":
				set[Shards] = strconv.Itoa(n)
			}
			if v.count != "" {
				set[v.count] = strconv.Itoa(n)
			}
			s, _, err := Shard(func(name string) string { return set[name] })
			if err != nil || s.Count != n || seen[s] {
				t.Errorf("%s: process %d is %v, error %v", v.by, i, s, err)
			}
			seen[s] = true
		}
	}
}
