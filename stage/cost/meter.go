package cost

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	powercap = "/sys/class/powercap"
	// No processor takes more. A counter that could have gone round more than once since it was read tells nothing.
	mostWatts = 1000
	often     = 10 * time.Second // between two looks at the counters
)

// Meter measures work that goes on. It may be used by several goroutines.
type Meter struct {
	now func() time.Time

	mu     sync.Mutex
	lap    time.Time // when the last lap ended
	looked time.Time
	zones  []zone
	joules float64 // since the last lap
	told   bool
}

// zone is a counter of energy, by Linux's powercap ("intel-rapl", of AMD's processors too): micro-joules that begin
// again at 0 after span.
type zone struct {
	file       string
	last, span float64
}

// Begin begins to measure.
func Begin() *Meter { return begin(powercap, time.Now) }

func begin(sysfs string, now func() time.Time) *Meter {
	m := &Meter{now: now, lap: now()}
	m.looked = m.lap
	m.zones, m.told = zonesOf(sysfs)
	return m
}

// zonesOf are the counters of the processors' packages, and of memory, which is not part of its package's. "psys"
// counts the packages once more, and "core" and "uncore" parts of them. told is false where one cannot be read, which
// only root may do on most systems.
func zonesOf(sysfs string) (zones []zone, told bool) {
	dirs, _ := filepath.Glob(filepath.Join(sysfs, "intel-rapl:*"))
	for _, dir := range dirs {
		name, err := os.ReadFile(filepath.Join(dir, "name"))
		if err != nil {
			return nil, false
		}
		if kind := strings.TrimSpace(string(name)); !strings.HasPrefix(kind, "package-") && kind != "dram" {
			continue
		}
		z := zone{file: filepath.Join(dir, "energy_uj")}
		var errLast, errSpan error
		z.last, errLast = number(z.file)
		z.span, errSpan = number(filepath.Join(dir, "max_energy_range_uj"))
		if errLast != nil || errSpan != nil || z.span <= 0 {
			return nil, false
		}
		zones = append(zones, z)
	}
	return zones, len(zones) > 0
}

func number(file string) (float64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}

// Look reads the counters, if it is time to. Whoever measures work of hours calls it now and then: a counter goes round
// in some minutes.
func (m *Meter) Look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); now.Sub(m.looked) >= often {
		m.look(now)
	}
}

func (m *Meter) look(now time.Time) {
	since := now.Sub(m.looked).Seconds()
	m.looked = now
	for i := range m.zones {
		z := &m.zones[i]
		at, err := number(z.file)
		if err != nil || at > z.span || since*mostWatts*1e6 > z.span {
			m.told = false
			return
		}
		used := at - z.last
		if used < 0 {
			used += z.span
		}
		m.joules, z.last = m.joules+used/1e6, at
	}
}

// Lap returns the cost since the last lap, or since the beginning.
func (m *Meter) Lap() Cost {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.told {
		m.look(now)
	}
	c := Cost{Seconds: now.Sub(m.lap).Seconds(), PeakMiB: PeakMiB()}
	if m.told {
		c.Joules = m.joules
	}
	m.lap, m.joules = now, 0
	return c
}
