package main

import (
	"strings"
	"testing"
)

// TestUsageWords: every command that is called without what it needs says what is missing, and how it is called.
func TestUsageWords(t *testing.T) {
	for _, c := range []struct{ line, says, hint string }{
		{"distill", "missing --data and --out", "mgd3 distill --data SET --model DIR --out DIR; --help"},
		{"distill --data x", "missing --out", "mgd3 distill --data SET"},
		{"encode --data x", "missing --out", "mgd3 encode --data SET"},
		{"modes", "missing --out", "mgd3 modes --out DIR"},
		{"baseline", "missing --data and --method and --out", "mgd3 baseline --data SET"},
		{"compare --data x", "missing --out", "mgd3 compare --data SET"},
		{"train dit", "missing --data", "mgd3 train dit "},
		{"verify", "mgd3 verify wants 1 argument besides its flags, got 0", "mgd3 verify "},
		{"verify a b", "wants 1 argument besides its flags, got 2", "mgd3 verify "},
		{"convert a", "wants 2 arguments besides its flags, got 1", "mgd3 convert "},
		{"distill pets", `"pets" is one too many: mgd3 distill takes flags alone`, "mgd3 distill --data SET"},
		{"distil", `there is no command "distil"`, `did you mean "mgd3 distill"?`},
		{"frobnicate", `there is no command "frobnicate"`, `"mgd3 --help" lists the commands`},
		{"distill --dta x", "--dta", `"mgd3 distill --help" lists the flags`},
		{"distill --ipc many", `--ipc is "many", want a whole number`, `"mgd3 distill --help"`},
		{"distill --ipc 1.5", `--ipc is "1.5", want a whole number`, `"mgd3 distill --help"`},
		{"distill --seed -1", `--seed is "-1", want a whole number of at least 0`, `"mgd3 distill --help"`},
		{"distill --eta much", `--eta is "much", want a number`, `"mgd3 distill --help"`},
		{"distill --flip=maybe", `--flip is "maybe", want true or false`, `"mgd3 distill --help"`},
		{"distill --batch x", `--batch is "x", want a whole number`, `"mgd3 distill --help"`},
		{"compare --ipc 10,b", `--ipc is "10,b", want whole numbers with commas between them`, `"mgd3 compare --help"`},
		{"evaluate --checkpoint-every soon", `--checkpoint-every is "soon", want a time such as 30s or 5m`,
			`"mgd3 evaluate --help"`},
	} {
		var stdout, stderr strings.Builder
		code := run(strings.Fields(c.line), &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), "mgd3: error: ") ||
			!strings.Contains(stderr.String(), c.says) || !strings.Contains(stderr.String(), "mgd3: hint: "+c.hint) &&
			!strings.Contains(stderr.String(), c.hint) {
			t.Errorf("%s: got exit code %d and\n%swant %d, %q and the hint %q", c.line, code, stderr.String(),
				exitUsage, c.says, c.hint)
		}
		for _, jargon := range []string{"strconv", "arg(s)", "flag(s)", "invalid argument", "unmarshal",
			"parse error"} {
			if strings.Contains(stderr.String(), jargon) {
				t.Errorf("%s: says %q: %s", c.line, jargon, stderr.String())
			}
		}
	}
}
