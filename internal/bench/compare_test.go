package bench

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// TestCompare: medians of rounds, all other programs of a load and precision with the fastest first, loads that only
// one side has, and what failed.
func TestCompare(t *testing.T) {
	ours := read(t, `
{"load": "a", "batch": 1, "seconds": 3, "per_item_s": 3, "threads": 2, "backend": "cpu"}
{"load": "b", "batch": 2, "seconds": 2, "per_item_s": 1, "threads": 2, "backend": "cpu"}

{"load": "a", "batch": 1, "seconds": 1, "per_item_s": 1, "threads": 2, "backend": "cpu"}
{"load": "a", "batch": 1, "seconds": 2, "per_item_s": 2, "threads": 2, "backend": "cpu", "peak_mib": 70.4}
{"load": "a", "batch": 1, "seconds": 4, "per_item_s": 4, "threads": 2, "backend": "cpu in bf16", "peak_mib": 30}
{"load": "b", "threads": 2, "program": "mgd3 cpu", "precision": "bf16", "failed": "did not end in 9 s"}`)
	others := read(t, `
{"load": "a", "per_item_s": 8, "threads": 2, "torch": "1.13"}
{"load": "a", "per_item_s": 5, "threads": 2, "onnxruntime": "1.30", "peak_mib": 90}
{"load": "a", "per_item_s": 7, "threads": 2, "program": "JAX 0.12", "precision": "float32"}
{"load": "a", "per_item_s": 6, "threads": 2, "program": "JAX 0.12", "precision": "float32"}
{"load": "a", "threads": 2, "program": "JAX 0.12", "precision": "float32", "failed": "in a third round"}
{"load": "a", "per_item_s": 2, "threads": 2, "program": "JAX 0.12", "precision": "bf16", "peak_mib": 9}
{"load": "a", "threads": 2, "program": "onnx", "precision": "bf16", "failed": "has none"}
{"load": "b", "per_item_s": 3, "threads": 2, "program": "JAX 0.12", "precision": "bf16"}
{"load": "c", "per_item_s": 5, "threads": 2, "torch": "1.13"}`)
	var out bytes.Buffer
	if err := Compare(&out, ours, others); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(regexp.MustCompile(" {2,}").Split(strings.TrimSpace(line), -1), "|"))
	}
	want := []string{
		"load|ours, s|MiB|other, s|MiB|times as fast|other's program|rounds",
		"a|2|70|5|90|2.50|ONNX Runtime 1.30|3 and 1",
		"7|0|3.50|JAX 0.12|3",
		"8|0|4.00|PyTorch 1.13|1",
		"b|1|0|none|1",
		"a in bf16|4|30|2|9|0.50|JAX 0.12|1 and 1",
		"onnx: has none",
		"b in bf16|did not end in 9 s|3|0|JAX 0.12|1 and 1",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%s\nwant\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), &out)
		}
	}
}

// TestCompareOfFailures: the median of two rounds of which one failed is the other.
func TestCompareOfFailures(t *testing.T) {
	for _, r := range medians(read(t, `
{"load": "a", "threads": 2, "program": "p", "failed": "out of memory"}
{"load": "a", "per_item_s": 2, "threads": 2, "program": "p"}
{"load": "a", "per_item_s": 3, "threads": 2, "program": "p"}`)) {
		if r.PerItem != 3 {
			t.Errorf("got %+v, want the slower one of those that ended", r)
		}
	}
}

func read(t *testing.T, text string) []Result {
	t.Helper()
	r, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
