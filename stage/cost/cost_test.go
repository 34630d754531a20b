package cost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// machine is a tree of files like /sys/class/powercap, and a clock.
type machine struct {
	t   *testing.T
	dir string
	now time.Time
}

func (m *machine) time() time.Time { return m.now }

// set writes a zone's counter, in micro-joules.
func (m *machine) set(zone, name string, energy float64) {
	m.t.Helper()
	dir := filepath.Join(m.dir, zone)
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"), 0o666),
		os.WriteFile(filepath.Join(dir, "energy_uj"), fmt.Appendf(nil, "%.0f\n", energy), 0o666),
		os.WriteFile(filepath.Join(dir, "max_energy_range_uj"), []byte("65000000000\n"), 0o666)); err != nil {
		m.t.Fatal(err)
	}
}

func newMachine(t *testing.T) *machine {
	return &machine{t, t.TempDir(), time.Unix(1e9, 0)}
}

// TestEnergy: packages and their memory are counted, once, also when a counter goes round; laps begin at 0.
func TestEnergy(t *testing.T) {
	m := newMachine(t)
	at := func(cpu0, cpu1, dram float64) {
		m.set("intel-rapl:0", "package-0", cpu0)
		m.set("intel-rapl:0:0", "core", cpu0/2)
		m.set("intel-rapl:0:1", "dram", dram)
		m.set("intel-rapl:1", "package-1", cpu1)
		m.set("intel-rapl:2", "psys", cpu0+cpu1+dram)
		m.set("intel-rapl-mmio:0", "package-0", cpu0)
	}
	at(1e6, 64999e6, 5e6)
	meter := begin(m.dir, m.time)
	m.now = m.now.Add(20 * time.Second)
	at(3e6, 64999.5e6, 5e6)
	meter.Look() // 2 J and 0.5 J
	m.now = m.now.Add(20 * time.Second)
	at(4e6, 1.5e6, 6e6) // 1 J, 0.5 J up to the end and 1.5 J from 0, 1 J
	if c := meter.Lap(); c.Seconds != 40 || c.Joules != 6.5 {
		t.Errorf("got %+v, want 40 s and 6.5 J", c)
	}
	m.now = m.now.Add(time.Second)
	at(4e6, 1.5e6, 10e6)
	if c := meter.Lap(); c.Seconds != 1 || c.Joules != 4 {
		t.Errorf("the second lap is %+v, want 1 s and 4 J", c)
	}
}

// TestNotTold: what the machine does not tell is 0: no counters, one that cannot be read, one that may have gone round
// twice, one that vanishes.
func TestNotTold(t *testing.T) {
	for name, spoil := range map[string]func(m *machine, begun bool){
		"none":   func(*machine, bool) {},
		"a part": func(m *machine, _ bool) { m.set("intel-rapl:0:0", "core", float64(m.now.Unix())) },
		"no number": func(m *machine, begun bool) {
			m.set("intel-rapl:0", "package-0", 5)
			if begun {
				m.t.Chdir(m.dir)
				_ = os.WriteFile("intel-rapl:0/energy_uj", []byte("x"), 0o666)
			}
		},
		"too long": func(m *machine, begun bool) {
			m.set("intel-rapl:0", "package-0", float64(m.now.Unix()))
			if begun {
				m.now = m.now.Add(time.Hour)
			}
		},
		"above its range": func(m *machine, begun bool) {
			m.set("intel-rapl:0", "package-0", 5)
			if begun {
				m.set("intel-rapl:0", "package-0", 70e9)
			}
		},
		"gone": func(m *machine, begun bool) {
			m.set("intel-rapl:0", "package-0", 5)
			if begun {
				_ = os.RemoveAll(m.dir)
			}
		},
		"a range that is missing": func(m *machine, _ bool) {
			m.set("intel-rapl:0", "package-0", float64(m.now.Unix()))
			_ = os.Remove(filepath.Join(m.dir, "intel-rapl:0", "max_energy_range_uj"))
		},
	} {
		m := newMachine(t)
		spoil(m, false)
		meter := begin(m.dir, m.time)
		m.now = m.now.Add(time.Second)
		spoil(m, true)
		if c := meter.Lap(); c.Joules != 0 || c.Seconds < 1 {
			t.Errorf("%s: got %+v, want no energy", name, c)
		}
	}
}

// TestAdd: times are added, the most memory is kept, and energy is told only of parts that all tell it.
func TestAdd(t *testing.T) {
	a, b, silent := Cost{1, 30, 5}, Cost{2, 20, 7}, Cost{3, 10, 0}
	for _, c := range []struct{ got, want Cost }{{a.Add(b), Cost{3, 30, 12}}, {Cost{}.Add(a), a},
		{a.Add(silent), Cost{4, 30, 0}}, {a.Add(silent).Add(b), Cost{6, 30, 0}}} {
		if c.got != c.want {
			t.Errorf("got %+v, want %+v", c.got, c.want)
		}
	}
	if got := (Cost{Joules: 7200}).Energy(); got != "2 Wh" {
		t.Errorf("got %q", got)
	}
	if got := (Cost{}).Energy(); got != "not told by the machine" {
		t.Errorf("got %q", got)
	}
}

// TestOf: each process has a file of its own with the run, and the run's cost is that of all.
func TestOf(t *testing.T) {
	out := t.TempDir()
	if c, n, err := Of(out); n != 0 || err != nil || c != (Cost{}) {
		t.Errorf("of nothing: %+v, %d, %v", c, n, err)
	}
	for i, c := range []Cost{{1, 30, 5}, {2, 40, 7}} {
		if err := c.Write(out, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if c, n, err := Of(out); n != 2 || err != nil || c != (Cost{3, 40, 12}) {
		t.Errorf("got %+v of %d, %v", c, n, err)
	}
	if err := os.WriteFile(filepath.Join(folder(out), "x.json"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Of(out); err == nil {
		t.Error("a damaged record is no error")
	}
}

func TestPeak(t *testing.T) {
	if got := PeakMiB(); runtime.GOOS == "linux" && got < 1 {
		t.Errorf("the process has had %v MiB", got)
	}
}
