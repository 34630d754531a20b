package cluster

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"mgd3/store"
)

// decode reads one Job; a field that Kubernetes does not know is an error.
func decode(t *testing.T, text []byte) batchv1.Job {
	t.Helper()
	var job batchv1.Job
	if err := yaml.UnmarshalStrict(text, &job); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return job
}

// TestJob: the YAML is a Job, strictly, and says what was asked.
func TestJob(t *testing.T) {
	full := Kubernetes{Name: "mgd3-in1k", Namespace: "lab", Image: "registry/mgd3:1", CPU: "4", Memory: "32Gi", GPUs: 1,
		GPU:      "nvidia.com/gpu",
		Selector: map[string]string{"gpu": "a100", "zone": "it's \"one\""}, Queue: "lab-queue", Parallel: 8, Retries: 3,
		Account: "runner",
		Volumes: []Volume{{Claim: "data", Path: "/data", ReadOnly: true}, {HostPath: "/scratch", Path: "/out"}}}
	bare := Kubernetes{Name: "m", Image: "i", GPU: "nvidia.com/gpu", Volumes: []Volume{{Claim: "c", Path: "/c"}}}
	cmds := Commands{Distill: []string{"distill", "--data=/data/a: b #c", "--out=/out/run", "--vae=$(HOME)\n- x"},
		Merge:    []string{"merge", "--out=/out/run"},
		Evaluate: []string{"evaluate", "--out=/out/run/evaluation"}}
	for name, k := range map[string]Kubernetes{"full": full, "bare": bare} {
		stages, err := PlanJobs(24, 9, cmds)
		if err := errorsJoin(err, k.Check("/out/run")); err != nil {
			t.Fatal(err)
		}
		for _, s := range stages {
			var b bytes.Buffer
			if err := k.Job(&b, "/out/run", s); err != nil {
				t.Fatal(err)
			}
			job := decode(t, b.Bytes())
			spec, c := job.Spec, job.Spec.Template.Spec.Containers[0]
			if job.Name != k.Name+"-"+s.Name || *spec.CompletionMode != batchv1.IndexedCompletion ||
				int(*spec.Completions) != s.Tasks ||
				int(*spec.BackoffLimitPerIndex) != k.Retries ||
				spec.Template.Spec.RestartPolicy != corev1.RestartPolicyNever || c.Image != k.Image {
				t.Errorf("%s, %s: got\n%s", name, s.Name, b.String())
			}
			// The first rule that fits decides. A Go program that is process 1 of its container and gets TERM before it
			// takes signals cannot end by it and exits with 2 (runtime.dieFromSignal), which is no wrong usage.
			rules := slices.Clone(spec.PodFailurePolicy.Rules)
			slices.Reverse(rules)
			var never []int
			for _, code := range rules[0].OnExitCodes.Values {
				never = append(never, int(code))
			}
			if rules[0].Action != batchv1.PodFailurePolicyActionFailIndex || !slices.Equal(never, Never) ||
				*rules[0].OnExitCodes.ContainerName != c.Name ||
				rules[1].Action != batchv1.PodFailurePolicyActionIgnore ||
				rules[1].OnPodConditions[0].Type != corev1.DisruptionTarget {
				t.Errorf("%s, %s: got rules %+v", name, s.Name, rules)
			}
			if got := c.Args[slices.Index(c.Args, "--")+1 : len(c.Args)]; got[0] != s.Command[0] ||
				(got[len(got)-1] == "--shard=auto") != s.Sharded {
				t.Errorf("%s, %s: got arguments %q", name, s.Name, c.Args)
			}
			if _, gpu := c.Resources.Limits["nvidia.com/gpu"]; gpu != (k.GPUs > 0 && s.Heavy) {
				t.Errorf("%s, %s: got limits %v", name, s.Name, c.Resources.Limits)
			}
			if c.Env[0].Name != Shards || len(c.VolumeMounts) != len(k.Volumes) ||
				len(spec.Template.Spec.Volumes) != len(k.Volumes) {
				t.Errorf("%s, %s: got\n%s", name, s.Name, b.String())
			}
			if s.Name == Distill && (!slices.Contains(c.Args, "--data=/data/a: b #c") ||
				!slices.Contains(c.Args, "--vae=$$(HOME)\n- x")) {
				t.Errorf("%s: got arguments %q", name, c.Args)
			}
		}
	}
	var b bytes.Buffer
	stages, _ := PlanJobs(24, 0, cmds)
	if err := full.Job(&b, "/out/run", stages[0]); err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, error %v", len(stages), err)
	}
	job := decode(t, b.Bytes())
	pod := job.Spec.Template.Spec
	if job.Labels["kueue.x-k8s.io/queue-name"] != "lab-queue" || job.Namespace != "lab" || *job.Spec.Parallelism != 8 ||
		pod.ServiceAccountName != "runner" ||
		pod.NodeSelector["zone"] != "it's \"one\"" || pod.Volumes[0].PersistentVolumeClaim.ClaimName != "data" ||
		pod.Volumes[1].HostPath.Path != "/scratch" ||
		!pod.Containers[0].VolumeMounts[0].ReadOnly || pod.Containers[0].Resources.Limits.Memory().String() != "32Gi" {
		t.Errorf("got\n%s", b.String())
	}
}

// TestJobInBucket: a run in a bucket needs no volume but one for temporary files, which is bounded; the tasks get
// addresses, and credentials by the name of their Secret alone.
func TestJobInBucket(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "TOPSECRET")
	path := func(address string) string {
		p, err := store.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const query = "?region=eu-west-1"
	out := path("s3://cluster-lab/run" + query)
	r := asked(Flag{"data", path("s3://cluster-lab/set.zip")}, Flag{"out", out})
	r.Out, r.Test, r.Nets, r.Latents = out, path("s3://cluster-lab/set.zip"), []string{"a"}, filepath.Join(out, "l")
	k := Kubernetes{Name: "m", Image: "i", GPU: "nvidia.com/gpu", Secrets: []string{"lab", "more"}, Scratch: "8Gi"}
	stages, err := PlanJobs(2, 1, r.Commands())
	if err := errorsJoin(err, k.Check(out)); err != nil {
		t.Fatal(err)
	}
	for _, s := range stages {
		var b bytes.Buffer
		if err := k.Job(&b, out, s); err != nil {
			t.Fatal(err)
		}
		pod := decode(t, b.Bytes()).Spec.Template.Spec
		c := pod.Containers[0]
		if len(pod.Volumes) != 1 || pod.Volumes[0].EmptyDir.SizeLimit.String() != "8Gi" || len(c.VolumeMounts) != 1 ||
			c.VolumeMounts[0].MountPath != "/tmp" || len(c.EnvFrom) != 2 || c.EnvFrom[1].SecretRef.Name != "more" {
			t.Errorf("%s: got\n%s", s.Name, b.String())
		}
		args := strings.Join(c.Args, " ")
		if strings.Contains(b.String(), "TOPSECRET") || strings.Contains(args, "s3:/c") ||
			!strings.Contains(args, "--record s3://cluster-lab/run/cluster/"+s.Name+query) {
			t.Errorf("%s: got arguments %s", s.Name, args)
		}
		want := map[string][]string{Distill: {"--data=s3://cluster-lab/set.zip", "--latents=s3://cluster-lab/run/l"},
			Evaluate: {"--train=distilled=s3://cluster-lab/run?", "--out=s3://cluster-lab/run/evaluation?"}}
		for _, flag := range append(want[s.Name], "--out=s3://cluster-lab/run") {
			if !strings.Contains(args, flag) {
				t.Errorf("%s: got arguments %s, want %s among them", s.Name, args, flag)
			}
		}
	}
}

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestKubernetesCheck(t *testing.T) {
	good := Kubernetes{Name: "a", Image: "i", Volumes: []Volume{{Claim: "c", Path: "/c"}}}
	if err := good.Check("/c"); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Kubernetes){
		"--name":      func(k *Kubernetes) { k.Name = "In1k" },
		"at most 40":  func(k *Kubernetes) { k.Name = strings.Repeat("a", 41) },
		"--namespace": func(k *Kubernetes) { k.Namespace = "a.b" },
		"--image":     func(k *Kubernetes) { k.Image = "" },
		"--cpu":       func(k *Kubernetes) { k.CPU = "four" },
		"--memory":    func(k *Kubernetes) { k.Memory = "32 GB" },
		"--queue":     func(k *Kubernetes) { k.Queue = "a b" },
		"--service":   func(k *Kubernetes) { k.Account = "A" },
		"--volume":    func(k *Kubernetes) { k.Volumes = nil },
		"--secret":    func(k *Kubernetes) { k.Secrets = []string{"a b"} },
		"--scratch":   func(k *Kubernetes) { k.Scratch = "much" },
		"--retries":   func(k *Kubernetes) { k.Retries = -1 },
	} {
		k := good
		change(&k)
		if err := k.Check("/c"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	for text, want := range map[string]Volume{"data:/data": {Claim: "data", Path: "/data"},
		"/a:/b:ro": {HostPath: "/a", Path: "/b", ReadOnly: true},
		"data":     {}, "data:rel": {}, "Data:/data": {}, ":/x": {}, "a:/b:rw": {}} {
		if got, err := ParseVolume(text); (err == nil) != (want != Volume{}) || err == nil && got != want {
			t.Errorf("%q: got %+v, error %v", text, got, err)
		}
	}
	for out, want := range map[string]string{"/out/in1k-50": "mgd3-in1k-50", "My Run_2": "mgd3-my-run-2", "/": "mgd3"} {
		if got := JobName(out); got != want {
			t.Errorf("%q: got %q, want %q", out, got, want)
		}
	}
}

// TestApplyAll: jobs are applied one after the other; one that failed before is applied anew, and one that fails while
// it is waited for is an error that names its tasks.
func TestApplyAll(t *testing.T) {
	complete, failed := `{"status":{"succeeded":4,"conditions":[{"type":"Complete","status":"True"}]}}`,
		`{"status":{"failedIndexes":"1,3","conditions":[{"type":"Failed","status":"True"}]}}`
	for name, c := range map[string]struct {
		answers []string // to "kubectl get job", one after the other; the last one for ever
		want    string   // calls
		err     error
	}{
		"all are complete":     {[]string{complete}, "get get", nil},
		"one after the other":  {[]string{"", `{}`, complete}, "get apply get get get", nil},
		"failed before":        {[]string{failed, complete}, "get delete apply get get", nil},
		"fails while it waits": {[]string{"", `{}`, failed}, "get apply get get", ErrFailed},
		"failed, fails again":  {[]string{failed, `{}`, failed}, "get delete apply get get", ErrFailed},
		"at work, then fails":  {[]string{`{}`, failed}, "get get", ErrFailed},
	} {
		synctest.Test(t, func(t *testing.T) {
			var calls []string
			answers := c.answers
			do := func(_ context.Context, _, _ string, args ...string) (string, error) {
				calls = append(calls, args[0])
				if args[0] != "get" {
					return "", nil
				}
				answer := answers[0]
				answers = answers[min(1, len(answers)-1):]
				return answer, nil
			}
			stages, err := PlanJobs(4, 0, Commands{})
			if err != nil {
				t.Fatal(err)
			}
			k := Kubernetes{Name: "run", Image: "i", Volumes: []Volume{{Claim: "c", Path: "/c"}}}
			err = k.ApplyAll(t.Context(), "/c/run", stages, do, func(string) {})
			if got := strings.Join(calls, " "); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s: called %s, error %v, want %s, %v", name, got, err, c.want, c.err)
			}
			if c.err != nil && !strings.Contains(err.Error(), "run-distill: tasks 1,3") {
				t.Errorf("%s: %v names no tasks", name, err)
			}
		})
	}
}
