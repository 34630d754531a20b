package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// moment is a random one in the course of something that takes so long, early ones more often than late ones: what is
// left to do becomes less with each start.
func (r *round) moment(took time.Duration) time.Duration {
	at := r.Float64()
	return time.Duration(at * at * float64(took))
}

// send returns a disturbance: a signal after a time.
func send(sig os.Signal, after time.Duration) func(p *os.Process) {
	return func(p *os.Process) { time.Sleep(after); _ = p.Signal(sig) }
}

// killAt starts a command and kills it at a random moment.
func (r *round) killAt(took time.Duration, line []string) error {
	code, text := r.mgd3Run(send(syscall.SIGKILL, r.moment(took)), line...)
	if err := sane(code, text); err != nil {
		return err
	}
	switch code {
	case -1:
		r.counts["killed"]++
	case 0:
		r.counts["too late"]++
	default:
		return fmt.Errorf("ended with %d: %s", code, text)
	}
	return nil
}

// kill ends the run at random moments, one to four times.
func (r *round) kill() error {
	for range 1 + r.IntN(4) {
		if err := r.killAt(r.took, r.command(r.out)); err != nil {
			return err
		}
	}
	return r.same()
}

// signals asks the run to stop at random moments, one to three times.
func (r *round) signals() error {
	for range 1 + r.IntN(3) {
		sig := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}[r.IntN(3)]
		code, text := r.mgd3Run(send(sig, r.moment(r.took)), r.command(r.out)...)
		if err := sane(code, text); err != nil {
			return err
		}
		switch code {
		case -1:
			r.counts["before it listened"]++ // the first milliseconds of a process are the system's
		case 130:
			r.counts[sig.String()]++
			if !strings.Contains(text, "same command again") {
				return fmt.Errorf("%v: it does not say how to go on: %s", sig, text)
			}
		case 0:
			r.counts["too late"]++
		default:
			return fmt.Errorf("%v: ended with %d: %s", sig, code, text)
		}
	}
	return r.same()
}

// pause stops the run for a while, half of the times with another beside it.
func (r *round) pause() error {
	after, rest, beside := r.moment(r.took), 100*time.Millisecond, r.IntN(2) == 0
	wrong := make(chan error, 1)
	code, text := r.mgd3Run(func(p *os.Process) {
		time.Sleep(after)
		_ = p.Signal(syscall.SIGSTOP)
		if beside {
			code, text := r.mgd3Run(nil, r.command(r.out)...)
			switch {
			case code == 5 && strings.Contains(text, "at work on it"):
				r.counts["busy"]++
			case code == 0:
				r.counts["before or after"]++
			default:
				wrong <- fmt.Errorf("beside one that is stopped: ended with %d: %s", code, text)
			}
		}
		time.Sleep(rest)
		_ = p.Signal(syscall.SIGCONT)
	}, r.command(r.out)...)
	if beside && code == 5 && strings.Contains(text, "at work on it") {
		code = 0 // the other came first
	}
	if code != 0 {
		return fmt.Errorf("ended with %d: %s", code, text)
	}
	select {
	case err := <-wrong:
		return err
	default:
		return r.same()
	}
}

// killed kills a command of that name at random moments, one to three times, and then wants what it makes in one go,
// told from what is in a folder.
func (r *round) killed(name string, command func(out string) []string,
	told func(dir string) (map[string]string, error)) error {
	if r.wholes[name] == nil {
		out := filepath.Join(r.work, "whole-"+name)
		if code, text := r.mgd3Run(nil, command(out)...); code != 0 {
			return fmt.Errorf("%s in one go: %d: %s", name, code, text)
		}
		files, err := told(out)
		if err != nil {
			return err
		}
		r.wholes[name] = files
	}
	for range 1 + r.IntN(3) {
		if err := r.killAt(r.took, command(r.out)); err != nil {
			return err
		}
	}
	if code, text := r.mgd3Run(nil, command(r.out)...); code != 0 {
		return fmt.Errorf("%s: the next run: %d: %s", name, code, text)
	}
	got, err := told(r.out)
	if err != nil {
		return err
	}
	return equal(got, r.wholes[name])
}

func (r *round) train() error {
	shared := fmt.Sprintf(" --data %s/set --split train --size 16 --batch 8 --steps 20 --warmup 5 --log-every 7 "+
		"--checkpoint-every 4 "+
		"--sample-every 10 --quiet --out ", r.work)
	if r.IntN(2) == 0 {
		return r.killed("autoencoder", func(out string) []string {
			return strings.Fields("train autoencoder --channels 8,8,8 --groups 4" + shared + out)
		}, hashes)
	}
	return r.killed("denoiser", func(out string) []string {
		return strings.Fields("train dit --hidden 16 --depth 1 --heads 2 --sample-steps 2 --vae " + r.work +
			"/model/autoencoder" + shared + out)
	}, hashes)
}

func (r *round) evaluate() error {
	return r.killed("evaluate", func(out string) []string {
		return strings.Fields(fmt.Sprintf("evaluate --train %[1]s/set --train-split train --test %[1]s/real "+
			"--test-split train --net convnet1 --size 16 "+
			"--epochs 20 --batch 6 --validate 4 --checkpoint-every 10ms --repeat 2 --quiet --out %[2]s", r.work, out))
	}, func(dir string) (map[string]string, error) {
		text, err := os.ReadFile(filepath.Join(dir, "scores.json"))
		if err != nil {
			return nil, err
		}
		var scores any
		if err := json.Unmarshal(text, &scores); err != nil {
			return nil, err
		}
		text, err = json.Marshal(without(scores, "seconds", "peak_mib", "energy_j"))
		return map[string]string{"scores.json": string(text)}, err
	})
}

// without drops fields of objects, however deep they are.
func without(v any, fields ...string) any {
	switch x := v.(type) {
	case map[string]any:
		maps.DeleteFunc(x, func(k string, _ any) bool { return slices.Contains(fields, k) })
		for k := range x {
			x[k] = without(x[k], fields...)
		}
	case []any:
		for i := range x {
			x[i] = without(x[i], fields...)
		}
	}
	return v
}

func (r *round) compare() error {
	return r.killed("compare", func(out string) []string {
		return strings.Fields(fmt.Sprintf("compare --data %[1]s/set --split train --test %[1]s/real --test-split "+
			"train --model %[1]s/model --ipc 2 --sets 1 "+
			"--steps 4 --method mgd3,random --net convnet1 --change epochs=4 --change size=16 --quiet --out %[2]s",
			r.work, out))
	}, func(dir string) (map[string]string, error) {
		files, err := hashes(filepath.Join(dir, "quick,epochs=4,size=16"))
		maps.DeleteFunc(files, func(name, _ string) bool { return name != "result.json" && name != "table.txt" })
		return files, err
	})
}
