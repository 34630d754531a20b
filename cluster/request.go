package cluster

import (
	"fmt"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/evaluate"
	"mgd3/internal/words"
	"mgd3/store"
)

// Request is a run as somebody asked for it by flags of mgd3.
type Request struct {
	Out        string
	Latents    string  // the folder that runs of all seeds share; "" is that below Out
	EncodeSeed *uint64 // the seed of the images' encoding, where the flags of encode alone do not tell; nil is theirs
	IPC        int     // synthetic images of each class
	Evaluation
	Given []Flag                          // those that were given
	Takes func(command, flag string) bool // whether a command of mgd3 has the flag
}

// Evaluation is the networks that are trained on a finished set. Without a test set there is none.
type Evaluation struct {
	Test     string
	Nets     []string
	Protocol string   // a preset
	Changes  []string // of the protocol, and the teacher of one with soft labels: NAME=VALUE of flags of evaluate
	Repeat   int      // trainings of each network
}

// Flag is a flag with its value.
type Flag struct{ Name, Value string }

// String is the flag as a task is given it: a path in a bucket as its address.
func (f Flag) String() string { return "--" + f.Name + "=" + store.Again(f.Value) }

// Check says what of the evaluation cannot be.
func (v Evaluation) Check() error {
	if v.Repeat < 1 {
		return fmt.Errorf("--repeat is %d, want at least 1", v.Repeat)
	}
	known := append(evaluate.Settings(), teacher...)
	teaches := map[string]bool{}
	for _, change := range v.Changes {
		name, _, ok := strings.Cut(change, "=")
		if !ok || !slices.Contains(known, name) {
			return fmt.Errorf("--change is %q, want one of %s, with = and a value", change, words.List(known))
		}
		teaches[name] = slices.Contains(teacher, name)
	}
	if v.Test == "" {
		return nil
	}
	if err := evaluate.CheckNames(v.Nets); err != nil {
		return fmt.Errorf("--net: %w", err)
	}
	p, err := evaluate.Preset(v.Protocol, evaluate.Facts{IPC: 1, Classes: 1, Images: 1, Size: 256, Net: "convnet3"})
	switch {
	case err != nil:
		return fmt.Errorf("--protocol: %w", err)
	case p.Labels == evaluate.Soft && !teaches["teacher"]:
		return fmt.Errorf("--protocol %s has soft labels, want --change teacher=FILE, or --change teacher=train and "+
			"--change teacher-data=SET", v.Protocol)
	case p.Labels != evaluate.Soft && slices.ContainsFunc(teacher, func(name string) bool { return teaches[name] }):
		return fmt.Errorf("--change has a teacher, and the labels of --protocol %s are hard", v.Protocol)
	}
	return nil
}

// teacher are the flags of evaluate that say whence soft labels are. Those of distill that are called the same are of
// the network that chooses images.
var teacher = []string{"teacher", "teacher-net", "teacher-classes", "teacher-unchecked", "teacher-data",
	"teacher-split", "teacher-epochs"}

// Trainings is the number of all trainings.
func (v Evaluation) Trainings() int {
	if v.Test == "" {
		return 0
	}
	return len(v.Nets) * v.Repeat
}

// setName is what the distilled set is called in its evaluation.
const setName = "distilled"

// Commands are the command lines of the stages: to each what it takes of the flags that were given. A stage that is a
// command of its own knows no preset's way with seeds: it is told the seed of the encoding, and the folder of that
// seed. distill finds both itself.
func (r Request) Commands() Commands {
	alone := r
	alone.Latents = r.seedDir()
	c := Commands{Encode: alone.stage("encode"), Modes: alone.stage("modes"), Sample: alone.stage("sample"),
		Distill: r.stage("distill"), Merge: r.stage("merge")}
	if r.EncodeSeed != nil {
		c.Encode = append(c.Encode, fmt.Sprintf("--encode-seed=%d", *r.EncodeSeed))
	}
	if r.Test != "" {
		c.Evaluate = append([]string{"evaluate", Flag{"train", setName + "=" + r.Out}.String()},
			r.given("evaluate", append([]string{"out"}, teacher...)...)...)
		for _, change := range r.Changes {
			c.Evaluate = append(c.Evaluate, "--"+change)
		}
		c.Evaluate = append(c.Evaluate, "--net="+strings.Join(r.Nets, ","), Flag{"out", EvaluationDir(r.Out)}.String())
	}
	return c
}

// seedDir is the folder of the latents of the run's own seed; "" is that below Out.
func (r Request) seedDir() string {
	if r.EncodeSeed == nil || r.Latents == "" {
		return r.Latents
	}
	return encode.SeedDir(r.Latents, *r.EncodeSeed, false)
}

// stage is the command line of one stage.
func (r Request) stage(command string) []string {
	args := append([]string{command}, r.given(command)...)
	for _, name := range []string{"ipc", "seed"} { // of the set; evaluate has other flags of these names
		for _, f := range r.Given {
			if f.Name == name && r.Takes(command, name) {
				args = append(args, f.String())
			}
		}
	}
	if r.Latents != "" && r.Takes(command, "latents") {
		args = append(args, Flag{"latents", r.Latents}.String())
	}
	return args
}

// given are the flags that the command takes as they were given, and the one for what a task's record is made of.
func (r Request) given(command string, but ...string) (args []string) {
	but = append(but, "json", "quiet", "latents", "ipc", "seed", "net")
	for _, f := range r.Given {
		if r.Takes(command, f.Name) && !slices.Contains(but, f.Name) {
			args = append(args, f.String())
		}
	}
	return append(args, "--json")
}

// Count returns what the run has to do with the images of a set, and which files it makes.
func (r Request) Count(set *dataset.Set) (Work, Layout) {
	w := Work{Classes: len(set.Classes), Synthetic: len(set.Classes) * r.IPC, Trainings: r.Trainings()}
	for _, class := range set.Classes {
		w.Real += len(class.Images)
	}
	l := Layout{Out: r.Out, Latents: r.seedDir(), Classes: set.ClassNames(), Images: r.IPC, Set: setName,
		Repeat: r.Repeat}
	if l.Latents == "" {
		l.Latents = distill.LatentsDir(r.Out)
	}
	if r.Test != "" {
		l.Nets = r.Nets
	}
	return w, l
}
