// Command campaign damages and interrupts small runs of mgd3, at random from a seed, and holds what comes of it to
// the laws:
//
//	go run ./bench/campaign -seed 1 -rounds 200
//	go run ./bench/campaign -seed 1 -rounds 1 -first 57 -v     one round again
//	go run ./bench/campaign -seed 1 -rounds 200 -only flip
//
//	kill        the run is killed at random moments, several times                        same bytes in the end
//	signals     it is asked to stop, by SIGTERM, SIGINT or SIGHUP                         exit code 130, then the
//	                                                                                      same bytes
//	pause       it is stopped and goes on, SIGSTOP and SIGCONT, alone or beside another   same bytes
//	machines    several processes share a run as machines, by any cut, and stage by stage: they are killed and stand
//	            still, the disk is full for a while, the clock jumps                      same bytes
//	bucket      the same of a run in a bucket, whose store breaks off, throttles,
//	            loses answers and refuses                                                 same bytes
//	train       a training is killed, of the autoencoder or the denoiser                  same bytes, curves and
//	                                                                                      samples too
//	evaluate    an evaluation is killed                                                   same scores, without their
//	                                                                                      times
//	compare     a comparison is killed                                                    same result.json
//	limit       its files may not grow beyond some size                                   code 5 and a file, then the
//	                                                                                      same bytes
//	full        it writes to a small file system that becomes full (root alone)           the same
//	readonly    the disk is read-only (root alone)                                        a whole run is found whole,
//	                                                                                      a part is code 5 and a file
//	times       files have times in the future or the past                                same bytes, none made again
//	flip        one bit of one stored file is another                                     verify: code 7 and the
//	                                                                                      file; the next run mends it
//	cut         a stored file loses its end                                               the same
//	link        a link lies where a file in the making may                                its target stays as it was
//	twins       the same command twice, or two shards that share work                     same bytes; none fails but
//	                                                                                      as busy
//	exports     two exports to one place                                                  one whole result; none
//	                                                                                      fails but as busy
//	converts    two conversions to one place                                              the same
//
// Always: exit codes are those of docs/exit-codes.md, every command ends within two minutes, and nothing printed
// speaks of a panic. A next run that refuses a damaged file names it; without the file it gives the same bytes. The
// program ends with exit code 1 if a round broke a law, and prints the seed and the round.
//
//	main.go     rounds, and the table of what happened
//	run.go      commands, and what every one must hold
//	kill.go     signals
//	machines.go several processes that share a run
//	bucket.go   the same in a bucket
//	disk.go     disks that are full or read-only, and times
//	damage.go   bits and ends of stored files
//	twins.go    two processes at one place, and links
package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mgd3/internal/fixtures"
)

// campaign is what all rounds share.
type campaign struct {
	mgd3    string
	work    string            // model, set and whole, the undisturbed run, are below it
	want    map[string]string // hashes of the undisturbed run's images and manifest
	took    time.Duration     // of that run
	verbose bool
	wholes  map[string]map[string]string // of other commands, by their names; see killed
}

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
	{"kill", (*round).kill}, {"signals", (*round).signals}, {"pause", (*round).pause}, {"machines", (*round).machines},
	{"bucket", (*round).bucket}, {"train", (*round).train},
	{"evaluate", (*round).evaluate},
	{"compare", (*round).compare}, {"limit", (*round).limit}, {"full", (*round).full}, {"readonly", (*round).readonly},
	{"times", (*round).times},
	{"flip", (*round).flip}, {"cut", (*round).cut}, {"link", (*round).link}, {"twins", (*round).twins},
	{"exports", (*round).exports},
	{"converts", (*round).converts},
}

// errSkipped says that a fault cannot be made here.
var errSkipped = errors.New("skipped")

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
	c := &campaign{mgd3: binary, work: work, verbose: verbose, wholes: map[string]map[string]string{}}
	if binary == "" {
		c.mgd3 = filepath.Join(work, "mgd3")
		if out, err := exec.Command("go", "build", "-o", c.mgd3, "./cmd/mgd3").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if c.mgd3, err = filepath.Abs(c.mgd3); err != nil {
		return err
	}
	if err := errors.Join(fixtures.Model(filepath.Join(work, "model"), 1),
		fixtures.Images(filepath.Join(work, "set"), 6)); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(work, "real"), os.DirFS(filepath.Join(work, "set"))); err != nil {
		return err
	}
	whole := filepath.Join(work, "whole")
	begin := time.Now()
	if code, text := c.mgd3Run(nil, c.command(whole)...); code != 0 {
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
		r := &round{
			campaign: c, Rand: rand.New(rand.NewPCG(seed, uint64(n))),
			dir: filepath.Join(c.work, fmt.Sprint("round", n)), counts: map[string]int{},
		}
		f := faults[r.IntN(len(faults))]
		if only != "" {
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
		switch err := f.run(r); {
		case errors.Is(err, errSkipped):
			if tally[f.name]["skipped"]++; tally[f.name]["skipped"] == 1 {
				fmt.Printf("%s: %v\n", f.name, err)
			}
		case err != nil:
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
	return print(tally, broken)
}

func print(tally map[string]map[string]int, broken int) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\trounds\tof which")
	for _, f := range faults {
		if t := tally[f.name]; t != nil {
			var parts []string
			for what, n := range t {
				if what != "rounds" {
					parts = append(parts, fmt.Sprintf("%d %s", n, what))
				}
			}
			slices.Sort(parts)
			fmt.Fprintf(w, "%s\t%d\t%s\n", f.name, t["rounds"], strings.Join(parts, ", "))
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
