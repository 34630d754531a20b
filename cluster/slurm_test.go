package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mgd3/store"
)

// TestExecute: a scheduler that is not there, or says no, is an ErrScheduler with its words.
func TestExecute(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		args    []string
		want    string
	}{
		"not there": {"no-such-sbatch", nil, `"no-such-sbatch" is not on this machine`},
		"says no":   {"sh", []string{"-c", "echo 'no such  account' >&2; exit 3"}, "sh: no such account"},
		"silent":    {"sh", []string{"-c", "exit 3"}, "sh: exit status 3"},
	} {
		if _, err := Execute(t.Context(), "", c.program, c.args...); !errors.Is(err, ErrScheduler) ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
	if out, err := Execute(t.Context(), "in", "cat"); out != "in" || err != nil {
		t.Errorf("got %q, error %v", out, err)
	}
}

// TestScriptQuotes: names of any kind reach the commands of a script as one word, and the script stays one.
func TestScriptQuotes(t *testing.T) {
	s := Slurm{Program: "/opt/my tools/mgd3", Dir: "/home/o'neil", Grace: time.Minute,
		Logs: logsDir("50% of it", "mgd3-1")}
	st := Stage{Name: Sample, Tasks: 3, Command: []string{"sample", "--out=a b", "--model=$(rm -rf x)", "--vae=it's"},
		Sharded: true,
		Limit:   90 * time.Minute}
	got := s.script("mgd3-1", "50% of it", st, []int{0, 2}, "")
	for _, want := range []string{"#SBATCH --chdir=\"/home/o'neil\"\n",
		"#SBATCH --output=\"/home/o'neil/50%% of it/cluster/sample/%4a.log\"\n",
		"#SBATCH --time=1:30:00\n", "#SBATCH --array=0,2\n",
		"exec '/opt/my tools/mgd3' cluster task --record '50% of it/cluster/sample'",
		`sample '--out=a b' '--model=$(rm -rf x)' '--vae=it'\''s' --shard "$SLURM_ARRAY_TASK_ID/3"`} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
	if strings.Contains(got, "--gres") || strings.Contains(got, "--dependency") {
		t.Errorf("got\n%s", got)
	}
}

// TestScriptInBucket: a task of a run in a bucket is told its address; its log is a file where the command was given,
// and no credential is in the script.
func TestScriptInBucket(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "TOPSECRET")
	out, err := store.Parse("s3://slurm-lab/run?use_path_style=true")
	if err != nil {
		t.Fatal(err)
	}
	name, err := NameOf(out)
	if err != nil {
		t.Fatal(err)
	}
	s := Slurm{Program: "mgd3", Dir: "/home/me", Grace: time.Minute, Logs: logsDir(out, name)}
	r := asked(Flag{"out", out})
	r.Out = out
	st := Stage{Name: Sample, Tasks: 3, Command: r.Commands().Sample, Sharded: true, Limit: time.Hour}
	got := s.script(name, out, st, []int{0}, "")
	for _, want := range []string{"#SBATCH --output=/home/me/" + name + "/sample/%4a.log\n",
		"--record 's3://slurm-lab/run/cluster/sample?use_path_style=true'",
		"'--out=s3://slurm-lab/run?use_path_style=true'"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
	if strings.Contains(got, "TOPSECRET") {
		t.Errorf("got\n%s", got)
	}
}

func TestSlurmCheck(t *testing.T) {
	for name, s := range map[string]Slurm{
		"a quote": {Grace: time.Minute, Account: `a"b`}, "a new line": {Grace: time.Minute, Mem: "1G\n#SBATCH --uid=0"},
		"no option": {Grace: time.Minute, Extra: []string{"exclude=n1"}},
		"two lines": {Grace: time.Minute, Extra: []string{"-w n1\nrm"}},
		"no grace":  {}, "less than no core": {Grace: time.Minute, CPUs: -1},
	} {
		if err := s.Check(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if err := (Slurm{Grace: time.Minute, Constraint: "a100&nvlink", GRES: "gpu:a100:1",
		Extra: []string{"--exclude=n1"}}).Check(); err != nil {
		t.Error(err)
	}
}
