package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/cluster"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
)

// schema is as much of JSON Schema as docs/schemas needs.
type schema struct {
	Type                 string             `json:"type"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	AdditionalProperties *bool              `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	OneOf                []*schema          `json:"oneOf"`
}

// check says what is wrong with a value, or "".
func (s *schema) check(at string, v any) string {
	if len(s.OneOf) > 0 {
		fits, faults := 0, ""
		for _, one := range s.OneOf {
			if fault := one.check(at, v); fault == "" {
				fits++
			} else {
				faults += "; " + fault
			}
		}
		if fits == 1 {
			return ""
		}
		return fmt.Sprintf("%s fits %d of the kinds%s", at, fits, faults)
	}
	kind := "null"
	switch v := v.(type) {
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case float64:
		if kind = "number"; s.Type == "integer" && v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
		for i, item := range v {
			if s.Items == nil {
				break
			}
			if fault := s.Items.check(fmt.Sprintf("%s[%d]", at, i), item); fault != "" {
				return fault
			}
		}
	case map[string]any:
		kind = "object"
		for _, name := range s.Required {
			if _, have := v[name]; !have {
				return fmt.Sprintf("%s has no %q", at, name)
			}
		}
		for name, value := range v {
			if p := s.Properties[name]; p != nil {
				if fault := p.check(at+"."+name, value); fault != "" {
					return fault
				}
			} else if s.AdditionalProperties != nil && !*s.AdditionalProperties {
				return fmt.Sprintf("%s has %q, which is not described", at, name)
			}
		}
	}
	if kind != s.Type {
		return fmt.Sprintf("%s is a %s, want a %s", at, kind, s.Type)
	}
	return ""
}

// TestSchemas: what --json prints is what docs/schemas says, each line of it.
func TestSchemas(t *testing.T) {
	dir := t.TempDir()
	if err := fixtures.Model(filepath.Join(dir, "model"), 1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fixtures.Images(filepath.Join(dir, "set"), 4),
		fixtures.Images(filepath.Join(dir, "other"), 3)); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	made := slices.Concat([]string{"--data", in("set"), "--split", "train", "--model", in("model")}, testengine.Flags())
	with := func(args []string, more ...string) []string { return slices.Concat(args, more) }
	test := with(testengine.Flags(), "--net", "convnet1", "--epochs", "2", "--test", in("set"), "--test-split", "train")
	small := []string{"--data", in("set"), "--split", "train", "--size", "16", "--steps", "1", "--batch", "2",
		"--warmup", "0", "--out", in("trained")}
	staged := []string{"--out", in("staged")}
	taught := with(test, "--train", in("set"), "--train-split", "train", "--protocol", "soft-f1", "--teacher-net",
		"convnet1")
	submitted := with(made, "--ipc", "1", "--steps", "2", "--tasks", "2", "--time", "9m", "--out", in("cluster"))
	scheduler(t)
	failing(t, in("cluster"))
	hub := hubOf(t, ditFiles)
	used := map[string]bool{}
	for _, c := range []struct {
		schema string
		code   int
		args   []string
	}{
		{"distill.json", 0, with(made, "distill", "--ipc", "2", "--steps", "4", "--stop", "2", "--out", in("run"))},
		{"distill.json", 0, with(made, "distill", "--ipc", "2", "--steps", "4", "--dry-run", "--out", in("plan"))},
		{"verify.json", 0, []string{"verify", in("run")}},
		{"sheet.json", 0, []string{"sheet", in("run")}},
		{"page.json", 0, []string{"page", in("run"), "--data", in("set")}},
		{"export.json", 0, []string{"export", in("run"), "--format", "parquet", "--out", in("run.parquet")}},
		{"score.json", 0, with(made, "score", "--set", in("run"))},
		{"evaluate.json", 0, with(test, "evaluate", "--train", in("run"))},
		{"rank.json", 0, with(test, "rank", "--train", in("run"), "--real", in("set"), "--real-split",
			"train")},
		{"compare.json", 0, with(made, "compare", "--test", in("other"), "--test-split", "train",
			"--ipc", "1", "--steps", "2", "--net", "convnet1", "--change", "epochs=2",
			"--method", "mgd3,random", "--out", in("table"))},
		{"sweep.json", 0, with(made, "sweep", "--ipc", "1", "--steps", "2", "--lambda", "0,0.1", "--stop", "0",
			"--net", "", "--out", in("sweep"))},
		{"doctor.json", 0, []string{"doctor"}},
		{"page.json", 0, []string{"page", in("set/train"), "--data", in("set/train"), "--out", in("copies.html")}},
		{"stages.json", 0, with(made, "encode", "--out", in("staged"))},
		{"stages.json", 0, with(staged, "modes", "--ipc", "1")},
		{"distill.json", 0, with(testengine.Flags(), "sample", "--model", in("model"), "--steps", "2",
			"--out", in("staged"))},
		{"distill.json", 0, with(staged, "merge")},
		{"stages.json", 0, with(made, "embed", "--out", in("features.parquet"))},
		{"distill.json", 0, with(testengine.Flags(), "refine", "--set", in("staged/images"), "--model", in("model"),
			"--steps", "2", "--from", "1", "--out", in("refined"))},
		{"baseline.json", 0, with(made, "baseline", "--method", "herding", "--ipc", "1", "--out", in("herding"))},
		{"train.json", 0, with(small, "train", "autoencoder", "--channels", "8,8", "--groups", "4")},
		{"train.json", 0, with(small, "train", "dit", "--hidden", "16", "--depth", "1", "--heads", "2")},
		{"train.json", 0, with(small, "train", "unet", "--channels", "8,8", "--heads", "2", "--groups", "4",
			"--context", "8")},
		{"inspect.json", 0, []string{"inspect", in("run")}},
		{"inspect.json", 0, []string{"inspect", in("model/autoencoder")}},
		{"convert.json", 0, []string{"convert", in("model/dit"), in("half.safetensors"), "--half"}},
		{"backends.json", 0, with(testengine.Flags(), "backends", "--check", "--precision", "float32")},
		{"presets.json", 0, []string{"presets"}},
		// what is printed before an error is as the schema says, too
		{"backends.json", exitUsage, []string{"backends", "--backend", "go", "--check", "--precision", "bf16"}},
		{"backends.json", exitBackend, []string{"backends", "--backend", "xla:nowhere", "--check"}},
		{"backends.json", exitUsage, []string{"backends", "--check", "--precision", "float16"}},
		{"evaluate.json", 0,
			with(taught, "evaluate", "--teacher", "train", "--teacher-data", in("set"), "--teacher-split",
				"train", "--teacher-epochs", "1", "--out", in("taught"))},
		{"relabel.json", 0, with(taught, "relabel", "--teacher", in("taught/teacher/convnet1-18/net.safetensors"),
			"--teacher-unchecked", "--out", in("labels.safetensors"))},
		{"pull.json", 0, []string{"pull"}},
		{"pull.json", 0, []string{"pull", "--mirror", hub.URL, "--accept-licence", "dit-xl-2-256"}},
		{"pull.json", 0, []string{"pull", "--offline", "dit-xl-2-256"}},
		{"cluster.json", 0, with(submitted, "cluster", "slurm")},
		{"cluster.json", 0, []string{"cluster", "status", in("cluster")}},
		{"glyphs.json", 0, []string{"glyphs", "--per-class", "1", "--split", "test", "--out", in("letters")}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(with(c.args, "--json"), &stdout, &stderr); code != c.code {
			t.Fatalf("%s: exit code %d, want %d\n%s", c.args[0], code, c.code, &stderr)
		}
		var s schema
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "schemas", c.schema))
		if err == nil {
			err = json.Unmarshal(data, &s)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.schema, err)
		}
		used[c.schema] = true
		lines := 0
		for line := range bytes.Lines(stdout.Bytes()) {
			lines++
			var v any
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatalf("%s: %v in %q", c.args[0], err, line)
			}
			if fault := s.check(c.args[0], v); fault != "" {
				t.Errorf("%s: %s\n%s", c.schema, fault, line)
			}
		}
		if lines == 0 {
			t.Errorf("%s printed nothing", c.args[0])
		}
		if fault := s.check("other", map[string]any{"other": true}); fault == "" {
			t.Errorf("%s takes anything", c.schema)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "schemas", "*.json"))
	if err != nil || len(files) != len(used) {
		t.Errorf("%d schemas, %d of them tried, %v", len(files), len(used), err)
	}
}

// scheduler puts a stand-in of Slurm on the path, which takes every job.
func scheduler(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"sbatch": "cat >/dev/null; echo '101;cluster'", "squeue": ":"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// failing leaves the records of a task that failed, and of one that was last heard of long ago.
func failing(t *testing.T, out string) {
	dir := cluster.StageDir(out, cluster.Encode)
	for task, r := range []cluster.Record{
		{State: cluster.Failed, Attempt: 2, Code: 4, Message: "there is no file", Hint: "look", Job: "7"},
		{State: cluster.Running, Attempt: 1, Work: map[string]cluster.Count{"encode": {Done: 1, Total: 6}}},
	} {
		r.Stage, r.Task, r.Tasks, r.Host = cluster.Encode, task, 2, "node"
		data, err := json.Marshal(r)
		if err = errors.Join(err, os.MkdirAll(dir, 0o755),
			os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.json", task)), data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}
