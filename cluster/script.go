package cluster

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mgd3/store"
)

// Slurm is what is asked of Slurm for each task.
type Slurm struct {
	Partition  string        `json:"partition,omitempty"`
	Account    string        `json:"account,omitempty"`
	QOS        string        `json:"qos,omitempty"`
	Constraint string        `json:"constraint,omitempty"`
	GRES       string        `json:"gres,omitempty"` // of heavy stages
	CPUs       int           `json:"cpus,omitempty"` // 0 is what the cluster gives
	Mem        string        `json:"mem,omitempty"`
	Parallel   int           `json:"parallel,omitempty"` // tasks of a stage at once; 0 is as many as fit
	Grace      time.Duration `json:"grace_ns"`           // from TERM to the limit
	Retries    int           `json:"retries"`
	Extra      []string      `json:"extra,omitempty"` // further options of sbatch, as they are

	Program string `json:"program"` // mgd3, as the nodes see it
	Dir     string `json:"dir"`     // where the command was given, to which its paths are relative
	Logs    string `json:"logs"`    // folder of the tasks' logs, with one for each stage; see [Slurm.Here]
}

// ErrOption says that a value cannot stand in a script for sbatch.
var ErrOption = errors.New("cannot be given to sbatch")

// Check says which setting Slurm would not take.
func (s Slurm) Check() error {
	for name, value := range map[string]string{"partition": s.Partition, "account": s.Account, "qos": s.QOS,
		"constraint": s.Constraint, "gres": s.GRES, "mem": s.Mem} {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == '"' || r == '\'' || r == '\\' }) {
			return fmt.Errorf("--%s %q %w", name, value, ErrOption)
		}
	}
	for _, e := range s.Extra {
		if !strings.HasPrefix(e, "-") || strings.ContainsAny(e, "\n\r") {
			return fmt.Errorf("--sbatch %q %w: want an option such as --exclude=node3", e, ErrOption)
		}
	}
	switch {
	case s.Grace < time.Second:
		return fmt.Errorf("--grace is %v, want at least 1s", s.Grace)
	case s.CPUs < 0 || s.Parallel < 0 || s.Retries < 0:
		return fmt.Errorf("--cpus, --parallel and --retries are %d, %d and %d, want at least 0", s.CPUs, s.Parallel,
			s.Retries)
	}
	return nil
}

// script is what sbatch is given for some tasks of a stage of the run of that name, which wait for after.
func (s Slurm) script(run, out string, st Stage, tasks []int, after string) string {
	var b strings.Builder
	option := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "#SBATCH --%s=%s\n", name, sbatchValue(value))
		}
	}
	array := Ranges(tasks)
	if s.Parallel > 0 {
		array += "%" + strconv.Itoa(s.Parallel)
	}
	gres := s.GRES
	if !st.Heavy {
		gres = ""
	}
	cpus := ""
	if s.CPUs > 0 {
		cpus = strconv.Itoa(s.CPUs)
	}
	b.WriteString("#!/bin/sh\n")
	option("job-name", run+"-"+st.Name)
	option("array", array)
	option("dependency", after)
	if after != "" {
		option("kill-on-invalid-dep", "yes")
	}
	option("nodes", "1")
	option("ntasks", "1")
	option("time", slurmTime(st.Limit))
	option("signal", fmt.Sprintf("B:TERM@%d", int(s.Grace.Seconds())))
	b.WriteString("#SBATCH --requeue\n")
	option("open-mode", "append")
	option("chdir", s.Dir)
	option("output", strings.ReplaceAll(absolute(s.Dir, filepath.Join(s.Logs, st.Name)), "%", "%%")+"/%4a.log")
	option("partition", s.Partition)
	option("account", s.Account)
	option("qos", s.QOS)
	option("constraint", s.Constraint)
	option("gres", gres)
	option("cpus-per-task", cpus)
	option("mem", s.Mem)
	for _, e := range s.Extra {
		fmt.Fprintf(&b, "#SBATCH %s\n", e)
	}
	part := fmt.Sprintf(`"$SLURM_ARRAY_TASK_ID/%d"`, st.Tasks)
	fmt.Fprintf(&b, "exec %s cluster task --record %s --stage %s --task %s --retries %d --requeue --\\\n  %s",
		quote(s.Program), quote(store.Address(StageDir(out, st.Name))), st.Name, part, s.Retries, quoteAll(st.Command))
	if st.Sharded {
		b.WriteString(" --shard " + part)
	}
	b.WriteString("\n")
	return strings.Replace(b.String(), "--\\\n", "-- \\\n", 1)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// slurmTime is minutes and seconds, rounded up to whole seconds.
func slurmTime(d time.Duration) string {
	s := int((d + time.Second - 1) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

var plainValue = regexp.MustCompile(`^[\w./:=,@%+*\[\]&|()-]+$`)

// sbatchValue puts a value into the quotes that sbatch reads in scripts, where it needs them.
func sbatchValue(v string) string {
	if plainValue.MatchString(v) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

var plainWord = regexp.MustCompile(`^[\w./:=,@%+-]+$`)

// quote makes one word of the shell.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func quoteAll(words []string) string {
	var list []string
	for _, w := range words {
		list = append(list, quote(w))
	}
	return strings.Join(list, " ")
}

// Ranges writes numbers in order as Slurm reads them: 0-3,7.
func Ranges(numbers []int) string {
	numbers = slices.Clone(numbers)
	slices.Sort(numbers)
	var list []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i == j {
			list = append(list, strconv.Itoa(numbers[i]))
		} else {
			list = append(list, fmt.Sprintf("%d-%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(list, ",")
}
