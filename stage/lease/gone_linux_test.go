package lease

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"mgd3/internal/process"
)

// TestGone: the piece of a process that has ended on this machine is taken at once, that of one which may live when its
// term is over.
func TestGone(t *testing.T) {
	ended := exec.Command(os.Args[0], "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		host string
		wait bool
	}{"of this machine": {process.This().Host, false}, "of another": {"elsewhere", true}} {
		synctest.Test(t, func(t *testing.T) {
			p := &pool{store: newMemory(), pieces: 1, times: map[int]int{}, waited: map[string]int{}}
			id, err := json.Marshal(process.ID{Host: c.host, PID: ended.Process.Pid})
			if err != nil {
				t.Fatal(err)
			}
			b := board{stage: "sample", pieces: 1, n: 1}
			if _, err := p.store.Create(t.Context(), b.key(0)+".1", "killed\n"+string(id)+"\n"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p.worker(t.Context(), t, "next", func(context.Context, int) error { return nil })
			p.wait(t, 1, 1)
			if waited := time.Since(began) >= Term/2; waited != c.wait {
				t.Errorf("%s: it was taken after %v", name, time.Since(began))
			}
		})
	}
}
