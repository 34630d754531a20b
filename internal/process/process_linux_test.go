package process

import (
	"os"
	"os/exec"
	"testing"
)

func TestGone(t *testing.T) {
	ended := exec.Command(os.Args[0], "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	this := This()
	for name, c := range map[string]struct {
		id         ID
		here, gone bool
	}{
		"this one":           {this, true, false},
		"one that ended":     {ID{this.Host, ended.Process.Pid}, false, true},
		"one that runs":      {ID{this.Host, 1}, this.PID == 1, false},
		"of another machine": {ID{"elsewhere", ended.Process.Pid}, false, false},
		"of one not known":   {ID{"", ended.Process.Pid}, false, false},
	} {
		if here, gone := c.id.Here(), c.id.Gone(); here != c.here || gone != c.gone {
			t.Errorf("%s: got here %v, gone %v, want %v, %v", name, here, gone, c.here, c.gone)
		}
	}
}
