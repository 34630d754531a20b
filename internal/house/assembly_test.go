package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// only512 matches what instructions before AVX-512 cannot name: vectors of 64 bytes, masks, and registers 16 to 31. The
// assembler takes VUNPCKLPD Y5, Y4, Y16 without a word and makes an instruction of AVX-512 of it.
var only512 = regexp.MustCompile(`\b(Z\d+|K[0-7]|[XY](1[6-9]|2\d|3[01]))\b`)

// of512 matches the names of functions for processors with AVX-512.
var of512 = regexp.MustCompile(`(AVX512|BF16)$`)

func TestOnlyAVX512FunctionsUseItsRegisters(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f",
		`{{$d := .Dir}}{{range .SFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`, "mgd3/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	functions := 0
	for _, path := range strings.Fields(string(out)) {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for line := range strings.Lines(string(code)) {
			if strings.HasPrefix(line, "TEXT ") {
				name, _, _ = strings.Cut(strings.Fields(line)[1], "(")
				functions++
			} else if !of512.MatchString(name) && !strings.HasPrefix(line, "//") && only512.MatchString(line) {
				t.Errorf("%s, %s: %q needs AVX-512", filepath.Base(path), name, strings.TrimSpace(line))
			}
		}
	}
	if functions == 0 && runtime.GOARCH == "amd64" {
		t.Error("no assembly found")
	}
}
