package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// The shortest terms that a worker of any may be told, in folders and in buckets.
const (
	term         = time.Second
	termInBucket = 5 * time.Second
)

// blow is what happens to a process of a machine: it is killed, or is stopped for a while.
type blow struct {
	kill   bool
	after  time.Duration // its start
	length time.Duration // of being stopped
}

// machine is one of several that work on one run: it starts its command again until that ends well.
type machine struct {
	line  []string
	blows []blow // one for each start, until there are no more
}

// machines does a run on several machines, whole or stage by stage, in any cut, while their processes are killed or
// stand still for longer than a lease, the disk is full for a while, and the clock of the file system jumps.
func (r *round) machines() error {
	if r.IntN(4) > 0 || os.Getuid() != 0 {
		return r.onMachines(func() error { return nil })
	}
	room := fmt.Sprintf("size=%dk", 40*(1+r.IntN(10)))
	return r.mounted(room, func() error {
		return r.onMachines(func() error { return mount("-o", "remount,size=64m", r.dir) })
	})
}

// onMachines does the stages one after the other; more makes room on the disk, some time after the start of each.
func (r *round) onMachines(more func() error) error {
	for _, command := range r.stages(r.out) {
		machines := r.shared(command, term)
		wait := time.Duration(r.Float64() * float64(2*r.took))
		jumps := r.jumps()
		stop := make(chan struct{})
		var beside sync.WaitGroup
		var errMore error
		beside.Go(func() { time.Sleep(wait); errMore = more() })
		beside.Go(func() { r.jump(jumps, stop) })
		err := r.together(machines)
		close(stop)
		beside.Wait()
		if err := errors.Join(err, errMore); err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
	}
	return r.same()
}

// stages are the commands of a run, whole or stage by stage.
func (r *round) stages(out string) [][]string {
	if r.IntN(2) > 0 {
		return [][]string{r.command(out)}
	}
	model := []string{"--model", filepath.Join(r.work, "model")}
	return [][]string{
		append([]string{"encode", "--quiet", "--batch", "2", "--out", out, "--data", filepath.Join(r.work, "set"),
			"--split", "train"}, model...),
		{"modes", "--quiet", "--ipc", "3", "--out", out},
		append([]string{"sample", "--quiet", "--steps", "12", "--batch", "2", "--out", out}, model...),
	}
}

// shared gives the command to some machines: by fixed shards, said or in the environment, or to workers of any, whose
// leases have the term.
func (r *round) shared(command []string, term time.Duration) []machine {
	n := 2 + r.IntN(3)
	kind := r.IntN(4)
	r.counts[[]string{"static", "auto", "any", "any"}[kind]]++
	pieces := 1 + r.IntN(9)
	machines := make([]machine, n)
	for i := range machines {
		line := append([]string{r.mgd3}, command...)
		switch kind {
		case 0:
			line = append(line, "--shard", fmt.Sprintf("%d/%d", i, n))
		case 1:
			line = append(line, "--shard", "auto")
			line = append([]string{"env", fmt.Sprint("RANK=", i), fmt.Sprint("WORLD_SIZE=", n)}, line...)
		default:
			line = append(line, "--lease", term.String(), "--shard", fmt.Sprintf("any/%d", pieces))
		}
		machines[i].line = line
		for range r.IntN(12) {
			b := blow{kill: r.IntN(6) > 0, after: time.Duration(r.ExpFloat64() * float64(r.took) / 3)}
			b.length = time.Duration(r.Float64() * 2.5 * float64(term))
			machines[i].blows = append(machines[i].blows, b)
		}
	}
	return machines
}

// together runs the machines side by side until all have ended well.
func (r *round) together(machines []machine) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	errs := make([]error, len(machines))
	for i, m := range machines {
		group.Go(func() {
			errs[i] = r.untilDone(m, func(what string) {
				mu.Lock()
				defer mu.Unlock()
				r.counts[what]++
			})
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (r *round) untilDone(m machine, count func(string)) error {
	const most = 100
	for try := range most {
		var b *blow
		if try < len(m.blows) {
			b = &m.blows[try]
		}
		killed := false
		code, text := r.run(func(p *os.Process) {
			if b != nil {
				time.Sleep(b.after)
				killed = b.strike(p, count)
			}
		}, m.line)
		if err := sane(code, text); err != nil {
			return err
		}
		switch {
		case code == 0:
			return nil
		case killed && code == -1:
			count("kills")
		case code == 5: // the disk is full, or the lock of one that was killed is just being freed
			count("refused")
			time.Sleep(r.took / 2)
		default:
			return fmt.Errorf("ended with %d: %s", code, text)
		}
	}
	return fmt.Errorf("not done after %d starts", most)
}

// strike does what is to be done to the process, and says whether it was killed.
func (b *blow) strike(p *os.Process, count func(string)) (killed bool) {
	if b.kill {
		return p.Kill() == nil
	}
	if p.Signal(syscall.SIGSTOP) != nil {
		return false
	}
	count("stops")
	time.Sleep(b.length)
	_ = p.Signal(syscall.SIGCONT)
	return false
}

// jumps are by how much the clock of the file system is to jump, some time after one another.
func (r *round) jumps() (list []time.Duration) {
	for range r.IntN(3) {
		list = append(list, time.Duration(r.IntN(7200)-3600)*time.Second)
	}
	return list
}

// jump moves the times of all leases, as a clock that jumps moves them against what is written next.
func (r *round) jump(by []time.Duration, stop <-chan struct{}) {
	for _, d := range by {
		select {
		case <-stop:
			return
		case <-time.After(r.took / 2):
		}
		for _, dir := range []string{r.out, filepath.Join(r.out, "latents")} {
			files, _ := filepath.Glob(filepath.Join(dir, ".leases", "*"))
			for _, file := range files {
				if info, err := os.Stat(file); err == nil {
					at := info.ModTime().Add(d)
					_ = os.Chtimes(file, at, at)
				}
			}
		}
	}
}
