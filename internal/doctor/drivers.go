package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// drivers tells the accelerators that the system shows, by the files of their drivers.
func (m Machine) drivers() []Fact {
	nvidia := Fact{Area: "accelerators", Name: "NVIDIA", State: Absent, Value: "no driver, and no device"}
	devices, _ := filepath.Glob(filepath.Join(m.Dev, "nvidia[0-9]*")) // the pattern is a good one
	version := first(filepath.Join(m.Proc, "driver", "nvidia", "version"))
	switch {
	case version != "" && len(devices) > 0:
		nvidia.State, nvidia.Value, nvidia.Number = Good, fmt.Sprintf("%d devices; %s", len(devices), version),
			int64(len(devices))
		nvidia.Advice = "--backend xla:cuda uses them, with a plugin (see backend)"
	case version != "":
		nvidia.State, nvidia.Value = Problem, "a driver and no device: "+version
		nvidia.Advice = "in a container, start it with its devices (--gpus all); in a job, ask for one (--gres=gpu:1)"
	case len(devices) > 0:
		nvidia.State, nvidia.Value = Problem, fmt.Sprintf("%d devices and no driver", len(devices))
		nvidia.Advice = "install the driver of the system, or start it anew after an update"
	}
	facts := []Fact{nvidia}
	if _, err := os.Stat(filepath.Join(m.Dev, "kfd")); err == nil {
		facts = append(facts, Fact{Area: "accelerators", Name: "AMD", State: Tight, Value: "a device is here",
			Advice: "mgd3 was not tried on it; --plugin takes a PJRT plugin of ROCm"})
	}
	return facts
}

// first is the first line of a file, or "".
func first(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.Join(strings.Fields(line), " ")
}

// tools tells the programs of others that some commands run.
func (m Machine) tools() (facts []Fact) {
	for _, t := range []struct{ name, what string }{
		{"sbatch", `"mgd3 cluster slurm" runs it, on a login node; elsewhere --print shows the script`},
		{"kubectl", `"mgd3 cluster kubernetes --apply" runs it; without --apply the YAML is printed`},
	} {
		f := Fact{Area: "tools", Name: t.name, State: Good}
		path, err := m.Look(t.name)
		if f.Value = path; err != nil {
			f.State, f.Value, f.Advice = Absent, "not found", t.what
		}
		facts = append(facts, f)
	}
	return facts
}

// network tells what the environment says of the hub and of buckets. Nothing is asked, and no secret is shown.
func (m Machine) network() []Fact {
	hub := Fact{Area: "network", Name: "hub", State: Good, Value: "not asked; pull alone uses it"}
	switch {
	case m.Env("HF_HUB_OFFLINE") != "":
		hub.Value = "HF_HUB_OFFLINE is set: pull takes what is in the cache"
	case m.Env("HF_ENDPOINT") != "":
		hub.Value = fmt.Sprintf("not asked; HF_ENDPOINT is %q", m.Env("HF_ENDPOINT"))
	}
	buckets := Fact{Area: "network", Name: "buckets", State: Absent, Value: "no credentials in the environment",
		Advice: "for s3://, gs:// and azblob://: AWS_ACCESS_KEY_ID or AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS, " +
			"AZURE_STORAGE_ACCOUNT; a cloud's own machines need none"}
	var set []string
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS",
		"AZURE_STORAGE_ACCOUNT"} {
		if m.Env(name) != "" {
			set = append(set, name)
		}
	}
	if len(set) > 0 {
		buckets.State, buckets.Value, buckets.Advice = Good, strings.Join(set, ", "), ""
	}
	return []Fact{hub, buckets}
}
