// Command campaign damages and interrupts small runs of mgd3, at random from a seed, and holds what comes of it to the laws:
//
//	go run ./bench/campaign -seed 1 -rounds 200
//	go run ./bench/campaign -seed 1 -rounds 1 -first 57 -v     one round again
//
//	kill      the run is killed (SIGKILL) or asked to stop (SIGTERM) at random moments, several times     same bytes in the end
//	full      its files may not grow beyond some size                                                     an error, then the same bytes
//	flip      one bit of one stored file is another                                                       verify says so, the next run mends it
//	cut       a stored file loses its end                                                                 the same
//	link      a link lies where a file in the making may                                                  its target stays as it was
//	twins     the same command twice, or two shards that share work                                       same bytes; none fails but as busy
//	exports   two exports to one place                                                                    one whole result; none fails but as busy
//
// Always: exit codes are those of docs/exit-codes.md, and nothing printed speaks of a panic. It ends with exit code 1 if a round broke a
// law, and prints the seed and the round.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

// campaign is what all rounds share.
type campaign struct {
	mgd3    string
	work    string
	want    map[string]string // hashes of the undisturbed run's images and manifest
	took    time.Duration     // of that run
	verbose bool
}

// The run: three letters of the set in the program, small enough for a second.
var command = []string{"distill", "--data", "glyphs", "--model", "glyphs", "--split", "train", "--limit", "12", "--ipc", "3", "--steps", "6", "--quiet"}

// round is one round of a kind in a folder of its own.
type round struct {
	*campaign
	*rand.Rand
	dir, out string
	counts   map[string]int // of what happened
}

type fault struct {
	name string
	run  func(r *round) error
}

var faults = []fault{
	{"kill", (*round).kill}, {"full", (*round).full}, {"flip", (*round).flip}, {"cut", (*round).cut}, {"link", (*round).link},
	{"twins", (*round).twins}, {"exports", (*round).exports},
}

func main() {
	seed := flag.Uint64("seed", 1, "seed of all rounds")
	rounds := flag.Int("rounds", 100, "rounds")
	first := flag.Int("first", 0, "number of the first round")
	only := flag.String("only", "", "one `KIND` of fault")
	binary := flag.String("mgd3", "", "`FILE` of the program; built if not given")
	verbose := flag.Bool("v", false, "print every command")
	flag.Parse()
	if err := start(*binary, *seed, *first, *rounds, *only, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		os.Exit(1)
	}
}

func start(binary string, seed uint64, first, rounds int, only string, verbose bool) (err error) {
	work, err := os.MkdirTemp("", "campaign")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	c := &campaign{mgd3: binary, work: work, verbose: verbose}
	if binary == "" {
		c.mgd3 = filepath.Join(work, "mgd3")
		if out, err := exec.Command("go", "build", "-o", c.mgd3, "./cmd/mgd3").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	whole := filepath.Join(work, "whole")
	begin := time.Now()
	if code, text := c.mgd3Run(nil, append(command, "--out", whole)...); code != 0 {
		return fmt.Errorf("the undisturbed run ends with %d: %s", code, text)
	}
	c.took = time.Since(begin)
	if c.want, err = result(whole); err != nil {
		return err
	}
	return c.rounds(seed, first, rounds, only)
}

// rounds runs them all and prints the table.
func (c *campaign) rounds(seed uint64, first, rounds int, only string) error {
	tally, broken := map[string]map[string]int{}, 0
	for n := first; n < first+rounds; n++ {
		r := &round{campaign: c, Rand: rand.New(rand.NewPCG(seed, uint64(n))), dir: filepath.Join(c.work, fmt.Sprint("round", n)), counts: map[string]int{}}
		f := faults[r.IntN(len(faults))]
		if only != "" && f.name != only {
			i := slices.IndexFunc(faults, func(f fault) bool { return f.name == only })
			if i < 0 {
				return fmt.Errorf("there is no fault %q", only)
			}
			f = faults[i]
		}
		r.out = filepath.Join(r.dir, "out")
		if err := os.Mkdir(r.dir, 0o755); err != nil {
			return err
		}
		if tally[f.name] == nil {
			tally[f.name] = map[string]int{}
		}
		tally[f.name]["rounds"]++
		if err := f.run(r); err != nil {
			broken++
			tally[f.name]["BROKEN"]++
			fmt.Printf("seed %d, round %d, %s: %v\n", seed, n, f.name, err)
		}
		for what, n := range r.counts {
			tally[f.name][what] += n
		}
		if err := os.RemoveAll(r.dir); err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\trounds\tdone\tof which")
	for _, f := range faults {
		if t := tally[f.name]; t != nil {
			var parts []string
			for what, n := range t {
				if what != "rounds" && what != "done" {
					parts = append(parts, fmt.Sprintf("%d %s", n, what))
				}
			}
			slices.Sort(parts)
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", f.name, t["rounds"], t["done"], strings.Join(parts, ", "))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%d rounds broke a law", broken)
	}
	return nil
}

// mgd3Run runs mgd3 and returns its exit code, -1 for a signal, and what it prints.
func (c *campaign) mgd3Run(disturb func(p *os.Process), args ...string) (int, string) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.mgd3, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return -2, err.Error()
	}
	if disturb != nil {
		go disturb(cmd.Process)
	}
	_ = cmd.Wait()
	if c.verbose {
		fmt.Printf("  %s: %d\n%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// allowed are the exit codes of docs/exit-codes.md that a disturbed run may end with.
var allowed = []int{0, 1, 3, 5, 7, 130, -1}

// sane checks what every command must hold.
func sane(code int, text string) error {
	if !slices.Contains(allowed, code) {
		return fmt.Errorf("exit code %d: %s", code, text)
	}
	for _, word := range []string{"panic", "goroutine", "internal error", "SIGBUS", "runtime error"} {
		if strings.Contains(text, word) {
			return fmt.Errorf("it says %q: %s", word, text)
		}
	}
	return nil
}

// same runs the command once more, undisturbed, and wants the undisturbed result.
func (r *round) same() error {
	code, text := r.mgd3Run(nil, append(command, "--out", r.out)...)
	if err := sane(code, text); err != nil || code != 0 {
		return fmt.Errorf("the next run: %d, %w: %s", code, err, text)
	}
	got, err := result(r.out)
	if err != nil {
		return err
	}
	for name, hash := range r.want {
		if got[name] != hash {
			return fmt.Errorf("%s differs from the undisturbed run's", name)
		}
	}
	if len(got) != len(r.want) {
		return fmt.Errorf("%d files, want %d", len(got), len(r.want))
	}
	if code, text := r.mgd3Run(nil, "verify", r.out); code != 0 {
		return fmt.Errorf("verify: %d: %s", code, text)
	}
	return nil
}

// result hashes a finished run's manifest and images.
func result(out string) (map[string]string, error) {
	files := map[string]string{}
	for _, name := range []string{"images", "manifest.json"} {
		err := filepath.WalkDir(filepath.Join(out, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			data, err := os.ReadFile(path)
			rel, _ := filepath.Rel(out, path)
			files[rel] = fmt.Sprintf("%x", sha256.Sum256(data))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// kill ends the run at random moments, one to four times.
func (r *round) kill() error {
	for range 1 + r.IntN(4) {
		// Early moments more often than late ones: what is left to do becomes less each time.
		at := r.Float64()
		sig, after := syscall.SIGKILL, time.Duration(at*at*float64(r.took))
		if r.IntN(3) == 0 {
			sig = syscall.SIGTERM
		}
		code, text := r.mgd3Run(func(p *os.Process) { time.Sleep(after); _ = p.Signal(sig) }, append(command, "--out", r.out)...)
		if err := sane(code, text); err != nil {
			return err
		}
		switch code {
		case -1:
			r.counts["killed"]++
		case 130:
			r.counts["stopped"]++
		case 0:
			r.counts["too late"]++
		default:
			return fmt.Errorf("ended with %d: %s", code, text)
		}
		r.counts["done"]++
	}
	return r.same()
}

// full lets no file grow beyond a size, as a full disk does.
func (r *round) full() error {
	blocks := r.IntN(40) // of 512 bytes, in sh
	args := append([]string{"-c", fmt.Sprintf(`ulimit -f %d; trap "" XFSZ; exec "$@"`, blocks), "sh", r.mgd3}, append(command, "--out", r.out)...)
	cmd := exec.Command("sh", args...)
	out, _ := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if err := sane(code, string(out)); err != nil {
		return err
	}
	r.counts["done"]++
	if code == 0 {
		r.counts["enough room"]++
	} else {
		r.counts["refused"]++
	}
	return r.same()
}

// damaged makes a whole run, damages one of its stored files and wants verify to say so and the next run to mend it.
func (r *round) damaged(damage func(data []byte) []byte) error {
	if err := os.CopyFS(r.out, os.DirFS(filepath.Join(r.work, "whole"))); err != nil {
		return err
	}
	var files []string
	err := filepath.WalkDir(r.out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") && !strings.HasSuffix(d.Name(), ".lock") {
			if info, err := d.Info(); err == nil && info.Size() > 0 {
				files = append(files, path)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	file := files[r.IntN(len(files))]
	name, _ := filepath.Rel(r.out, file)
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, damage(data), 0o644); err != nil {
		return err
	}
	r.counts["done"]++
	code, text := r.mgd3Run(nil, "verify", r.out)
	if err := sane(code, text); err != nil {
		return fmt.Errorf("%s: verify: %w", name, err)
	}
	if code == 0 {
		return fmt.Errorf("%s: verify does not see it", name)
	}
	code, text = r.mgd3Run(nil, append(command, "--out", r.out)...)
	if err := sane(code, text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if code != 0 { // settings files are refused with their name, not made anew
		if !strings.Contains(text, filepath.Base(file)) {
			return fmt.Errorf("%s: the next run ends with %d and does not name it: %s", name, code, text)
		}
		r.counts["refused by name"]++
		return nil
	}
	r.counts["mended"]++
	return r.same()
}

func (r *round) flip() error {
	return r.damaged(func(data []byte) []byte {
		at := r.IntN(8 * len(data))
		data[at/8] ^= 1 << (at % 8)
		return data
	})
}

func (r *round) cut() error {
	return r.damaged(func(data []byte) []byte { return data[:r.IntN(len(data))] })
}

// link puts links to a file of somebody's where files in the making of fixed names could be.
func (r *round) link() error {
	precious := filepath.Join(r.dir, "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o644); err != nil {
		return err
	}
	var links []string
	for _, name := range []string{
		"images/A/.0000.png.tmp", ".manifest.json.tmp", "latents/.A.safetensors.tmp", "modes/.A.safetensors.tmp", "samples/A/.0000.safetensors.tmp",
	} {
		path := filepath.Join(r.out, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(precious, path)); err != nil {
			return err
		}
		links = append(links, path)
	}
	r.counts["done"]++
	code, text := r.mgd3Run(nil, append(command, "--out", r.out)...)
	if err := sane(code, text); err != nil || code != 0 {
		return fmt.Errorf("%d, %w: %s", code, err, text)
	}
	if data, err := os.ReadFile(precious); err != nil || string(data) != "precious" {
		return fmt.Errorf("a link was followed: the file holds %q, %w", data, err)
	}
	for _, path := range links { // verify would say that they do not belong there
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return r.same()
}

// twins runs the same command twice, or two overlapping shards, side by side.
func (r *round) twins() error {
	a, b := append(command, "--out", r.out), append(command, "--out", r.out)
	if r.IntN(2) == 0 {
		b = append(b, "--shard", "0/2")
	}
	if err := r.both(a, b); err != nil {
		return err
	}
	return r.same()
}

// both runs two commands side by side. At least one succeeds, the other too or it is busy.
func (r *round) both(a, b []string) error {
	var wg sync.WaitGroup
	codes, texts := make([]int, 2), make([]string, 2)
	wait := time.Duration(r.Float64() * float64(r.took) / 2)
	for i, args := range [][]string{a, b} {
		wg.Go(func() {
			time.Sleep(wait * time.Duration(i))
			codes[i], texts[i] = r.mgd3Run(nil, args...)
		})
	}
	wg.Wait()
	r.counts["done"]++
	won := 0
	for i, code := range codes {
		switch {
		case code == 0:
			won++
		case code == 5 && strings.Contains(texts[i], "at work on it"):
			r.counts["busy"]++
		default:
			return fmt.Errorf("ended with %d: %s", code, texts[i])
		}
	}
	if won == 0 {
		return fmt.Errorf("both were busy: %s", texts)
	}
	return nil
}

// exports runs two exports to one place side by side, in each form, and reads what is there.
func (r *round) exports() error {
	format := []string{"folder", "zip", "webdataset", "parquet"}[r.IntN(4)]
	place := filepath.Join(r.dir, "export")
	if format == "zip" {
		place += ".zip"
	}
	args := []string{"export", filepath.Join(r.work, "whole"), "--format", format, "--out", place}
	if err := r.both(args, args); err != nil {
		return err
	}
	alone := filepath.Join(r.dir, "alone"+filepath.Ext(place))
	if code, text := r.mgd3Run(nil, "export", filepath.Join(r.work, "whole"), "--format", format, "--out", alone); code != 0 {
		return fmt.Errorf("%d: %s", code, text)
	}
	if out, err := exec.Command("diff", "-r", "-x", ".*", place, alone).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: differs from one made alone: %s", format, out)
	}
	return nil
}
