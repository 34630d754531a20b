package cluster

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mgd3/stage"
)

// farm is a Slurm in virtual time, to which the real code submits. A task that it runs takes its time, is killed in one
// of twenty starts and queued again, and keeps what it made; when it ends its files are there.
type farm struct {
	t      *testing.T
	layout Layout
	stages map[string]Stage
	random *rand.Rand
	calls  map[string]int
	jobs   []*farmJob
	now    time.Duration
	useful time.Duration
	paid   time.Duration // of slots, while a task has them
	killed int
}

type farmJob struct {
	stage Stage
	tasks []int
	after string
	done  map[int]bool
}

var (
	arrayLine = regexp.MustCompile(`(?m)^#SBATCH --array=(.*)$`)
	afterLine = regexp.MustCompile(`(?m)^#SBATCH --dependency=(.*)$`)
	stageName = regexp.MustCompile(`--stage (\w+) `)
)

// do stands in for the commands of Slurm.
func (f *farm) do(_ context.Context, script, name string, _ ...string) (string, error) {
	f.calls[name]++
	if name != "sbatch" {
		return "", nil
	}
	j := &farmJob{stage: f.stages[stageName.FindStringSubmatch(script)[1]], done: map[int]bool{}}
	if m := afterLine.FindStringSubmatch(script); m != nil {
		j.after = m[1]
	}
	for part := range strings.SplitSeq(arrayLine.FindStringSubmatch(script)[1], ",") {
		from, to, ok := strings.Cut(part, "-")
		lo, _ := strconv.Atoi(from)
		hi := lo
		if ok {
			hi, _ = strconv.Atoi(to)
		}
		for task := lo; task <= hi; task++ {
			j.tasks = append(j.tasks, task)
		}
	}
	f.jobs = append(f.jobs, j)
	return fmt.Sprint(len(f.jobs)), nil
}

// free reports whether a task has all that it waits for.
func (f *farm) free(j *farmJob, task int) bool {
	kind, id, ok := strings.Cut(j.after, ":")
	if !ok {
		return true
	}
	n, _ := strconv.Atoi(id)
	before := f.jobs[n-1]
	if kind == "aftercorr" {
		return before.done[task]
	}
	return len(before.done) == len(before.tasks)
}

// start is a task that has a slot until a moment.
type start struct {
	until time.Duration
	job   *farmJob
	task  int
	ends  bool
}

type starts []start

func (s starts) Len() int           { return len(s) }
func (s starts) Less(i, j int) bool { return s[i].until < s[j].until }
func (s starts) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *starts) Push(x any)        { *s = append(*s, x.(start)) }
func (s *starts) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// run runs all jobs on so many slots.
func (f *farm) run(slots int) {
	const load, image = 15 * time.Second, 10 * time.Second
	left := map[*farmJob]map[int]time.Duration{}
	var running starts
	for {
		for _, j := range f.jobs {
			if left[j] == nil {
				left[j] = map[int]time.Duration{}
				for _, task := range j.tasks {
					left[j][task] = max(j.stage.Time, image)
				}
			}
			for _, task := range j.tasks {
				if len(running) == slots {
					break
				}
				work, waiting := left[j][task]
				if !waiting || !f.free(j, task) {
					continue
				}
				delete(left[j], task)
				s := start{f.now + load + work, j, task, true}
				if f.random.IntN(20) == 0 {
					f.killed++
					made := time.Duration(f.random.Int64N(int64(work))).Truncate(image)
					s.until, s.ends = f.now+load+made+image/2, false
					f.useful += made
					left[j][task] = work - made
				} else {
					f.useful += work
				}
				f.paid += s.until - f.now
				heap.Push(&running, s)
			}
		}
		if len(running) == 0 {
			return
		}
		s := heap.Pop(&running).(start)
		f.now = s.until
		if s.ends {
			s.job.done[s.task] = true
			f.write(s.job.stage, s.task)
		}
	}
}

// write makes the files of a task.
func (f *farm) write(s Stage, task int) {
	for _, file := range f.layout.files(s, stage.Shard{Index: task, Count: s.Tasks}) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
}

// TestScale: a run of a thousand tasks of ten minutes, one in twenty starts killed: Slurm is asked as often as for a
// hundred, 95 % of the time of its slots is useful, and the same command again has nothing to submit.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	asked := map[int]int{}
	for _, tasks := range []int{100, 1000} {
		out := t.TempDir()
		work := Work{Classes: tasks, Real: 1300 * tasks, Synthetic: tasks, Times: Times{
			EncodeEach: 460 * time.Millisecond, SampleEach: 10 * time.Minute}}
		list, err := Plan(work, Cut{Aim: 10 * time.Minute}, Commands{Encode: []string{"encode"},
			Modes:  []string{"modes"},
			Sample: []string{"sample"}, Merge: []string{"merge"}})
		if err != nil {
			t.Fatal(err)
		}
		f := &farm{t: t, layout: Layout{Out: out, Latents: filepath.Join(out, "latents"), Images: 1},
			stages: map[string]Stage{}, random: rand.New(rand.NewPCG(1, 2)), calls: map[string]int{}}
		for _, s := range list {
			f.stages[s.Name] = s
		}
		for i := range tasks {
			f.layout.Classes = append(f.layout.Classes, fmt.Sprintf("class%04d", i))
		}
		submit := func() (submitted int) {
			missing, err := Needed(f.layout, list)
			if err != nil {
				t.Fatal(err)
			}
			s := Slurm{Grace: time.Minute, Program: "mgd3", Dir: "/"}
			run, err := NewRun("slurm", "mgd3-1", out, list, s, missing)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Submit(t.Context(), run, out, missing, f.do, func(Submission) { submitted++ }); err != nil {
				t.Fatal(err)
			}
			return submitted
		}
		if n := submit(); n != len(list) {
			t.Errorf("%d tasks: %d submissions, want one a stage", tasks, n)
		}
		f.run(64)
		useful := float64(f.useful) / float64(f.paid)
		for _, n := range f.calls {
			asked[tasks] += n
		}
		files := 0
		for _, s := range list {
			files += len(f.layout.files(s, stage.Whole))
		}
		t.Logf("%d tasks a stage: %v of 64 slots, %d killed, %.1f %% useful, calls %v, %d files looked for", tasks,
			f.now,
			f.killed, 100*useful, f.calls, files)
		if useful < 0.95 {
			t.Errorf("%.1f %% of the time was useful, want at least 95 %%", 100*useful)
		}
		if n := submit(); n != 0 {
			t.Errorf("%d tasks: when all is done there are %d submissions", tasks, n)
		}
	}
	if asked[1000] != asked[100] {
		t.Errorf("Slurm is asked %d times for a thousand tasks and %d times for a hundred", asked[1000], asked[100])
	}
}
