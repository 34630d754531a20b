package main

// TestDamagedScores: a changed digit of a score is found by evaluate, compare and sweep: it is made again, with a line.
import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

func TestDamagedScores(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 6),
		fixtures.Images("other", 4)); err != nil {
		t.Fatal(err)
	}
	if code, said := runs(strings.Fields("distill --out run --data set --split train --model model --steps 2 --ipc 2 " +
		"--quiet")); code != 0 {
		t.Fatal(said)
	}
	for _, line := range []string{
		"evaluate --train run --test other --test-split train --epochs 1 --size 16 --net convnet1 --quiet --out judged",
		"compare --data set --split train --test other --test-split train --model model --ipc 1 --sets 1 --steps 2 " +
			"--net convnet1 --change epochs=1 --change size=16 --method mgd3,random --quiet --out compared",
		"sweep --data set --split train --model model --ipc 1 --steps 2 --stop 0,1 --held-out 0.3 --net convnet1 " +
			"--quiet --out swept",
	} {
		args := strings.Fields(line)
		if code, said := runs(args); code != 0 {
			t.Errorf("%s: %s", line, said)
			continue
		}
		out := args[len(args)-1]
		n := 0
		_ = filepath.WalkDir(out, func(p string, d fs.DirEntry, _ error) error {
			if d.Name() != "result.json" || n > 1 {
				return nil
			}
			good, _ := os.ReadFile(p)
			i := bytes.Index(good, []byte(`"last": `))
			if i < 0 || !bytes.Contains(good, []byte("crc32c")) {
				t.Logf("%s: no score", p)
				return nil
			}
			bad := bytes.Clone(good)
			bad[i+8] ^= 1
			_ = os.WriteFile(p, bad, 0o644)
			code, said := runs(args)
			t.Logf("%s %s: %d %s", out, p, code, said)
			now, _ := os.ReadFile(p)
			if code != 0 || !strings.Contains(said, "made anew") || bytes.Equal(now, bad) {
				t.Errorf("%s: passes", p)
			}
			n++
			return nil
		})
		if n == 0 {
			t.Errorf("%s: none", out)
		}
	}
}
