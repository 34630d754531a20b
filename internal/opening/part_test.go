package opening

import (
	"strings"
	"testing"
	"time"

	"mgd3/export"
	"mgd3/internal/exits"
	"mgd3/stage"
	"mgd3/store"
)

func TestPart(t *testing.T) {
	env := map[string]string{"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0",
		"SLURM_ARRAY_TASK_MAX": "3"}
	getenv := func(name string) string { return env[name] }
	bucket, err := store.Parse("s3://bucket/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out    string
		part   Part
		want   stage.Shard
		pieces int // of any
		says   string
	}{
		{"out", Part{}, stage.Whole, 0, ""},
		{"out", Part{Text: "0/1"}, stage.Whole, 0, ""},
		{"out", Part{Text: "2/3"}, stage.Shard{Index: 2, Count: 3}, 0, ""},
		{"out", Part{Text: "auto"}, stage.Shard{Index: 1, Count: 4}, 0, ""},
		{"out", Part{Text: "any/7", Term: time.Hour}, stage.Whole, 7, ""},
		{"out", Part{Text: "any/7", Term: time.Millisecond}, stage.Whole, 0, "--lease is 1ms"},
		{"out", Part{Text: "any/7", Term: time.Second}, stage.Whole, 7, ""},
		{bucket, Part{Text: "any/7", Term: 4 * time.Second}, stage.Whole, 0, "want at least 5s in a bucket"},
		{bucket, Part{Text: "any/7", Term: 5 * time.Second}, stage.Whole, 7, ""},
		{"out", Part{Text: "any/0", Term: time.Hour}, stage.Whole, 0, "any/0"},
		{"out", Part{Text: "3/3"}, stage.Whole, 0, "3/3"},
	} {
		var told []string
		shard, any, err := c.part.Shared(c.out, getenv, func(text string) { told = append(told, text) })
		if c.says != "" {
			code, _ := exits.Diagnose(err)
			if err == nil || code != exits.Usage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: got %v, want a mistake with %q", c.part, err, c.says)
			}
			continue
		}
		if err != nil || shard != c.want || (any != nil) != (c.pieces > 0) || any != nil && any.Pieces != c.pieces {
			t.Errorf("%+v: got %v, %v, %v", c.part, shard, any, err)
		}
		if auto := len(told) > 0; auto != (c.want.Count == 4) {
			t.Errorf("%+v: told %q", c.part, told)
		}
	}
}

func TestCheckExport(t *testing.T) {
	whole, third := Part{Text: "0/1"}, Part{Text: "0/3"}
	for _, c := range []struct {
		part   Part
		format export.Format
		ok     bool
	}{
		{whole, export.Folder, true}, {whole, export.Zip, true},
		{third, export.Folder, true}, {third, export.Zip, false},
		{whole, "tape", false},
	} {
		if err := c.part.CheckExport(c.format, "out"); (err == nil) != c.ok {
			t.Errorf("%v as %s: got %v", c.part, c.format, err)
		}
	}
}
