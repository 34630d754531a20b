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
	used := map[string]bool{}
	for _, c := range []struct {
		schema string
		args   []string
	}{
		{"distill.json", with(made, "distill", "--ipc", "2", "--steps", "4", "--stop", "2", "--out", in("run"))},
		{"verify.json", []string{"verify", in("run")}},
		{"sheet.json", []string{"sheet", in("run")}},
		{"page.json", []string{"page", in("run"), "--data", in("set")}},
		{"export.json", []string{"export", in("run"), "--format", "parquet", "--out", in("run.parquet")}},
		{"score.json", with(made, "score", "--set", in("run"))},
		{"evaluate.json", with(test, "evaluate", "--train", in("run"))},
		{"rank.json", with(test, "rank", "--train", in("run"), "--real", in("set"), "--real-split",
			"train")},
		{"compare.json", with(made, "compare", "--test", in("other"), "--test-split", "train",
			"--ipc", "1", "--steps", "2", "--net", "convnet1", "--change", "epochs=2",
			"--method", "mgd3,random", "--out", in("table"))},
		{"sweep.json", with(made, "sweep", "--ipc", "1", "--steps", "2", "--lambda", "0,0.1", "--stop", "0",
			"--net", "", "--out", in("sweep"))},
		{"doctor.json", []string{"doctor"}},
		{"page.json", []string{"page", in("set/train"), "--data", in("set/train"), "--out", in("copies.html")}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(with(c.args, "--json"), &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", c.args[0], code, &stderr)
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
