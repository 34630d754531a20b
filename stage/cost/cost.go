// Package cost tells what work costs: its time, the most memory that its process had, and the energy of the machine's
// processors, where the system tells these. What it does not tell is 0, and never estimated.
package cost

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// Cost is what a piece of work took.
type Cost struct {
	Seconds float64 `json:"seconds"` // at work, whatever the interruptions
	// resident memory of a process at its most, up to the end of the work; 0 is not told
	PeakMiB float64 `json:"peak_mib,omitempty"`
	// of the machine's processors and their memory, whatever else they did; 0 is not told
	Joules float64 `json:"energy_j,omitempty"`
}

// Add is the cost of both. The energy is told only where that of both is.
func (c Cost) Add(d Cost) Cost {
	joules := c.Joules + d.Joules
	if c.Seconds > 0 && c.Joules == 0 || d.Seconds > 0 && d.Joules == 0 {
		joules = 0
	}
	return Cost{c.Seconds + d.Seconds, max(c.PeakMiB, d.PeakMiB), joules}
}

// Energy says the energy in Wh, or that it is not told.
func (c Cost) Energy() string {
	if c.Joules == 0 {
		return "not told by the machine"
	}
	return fmt.Sprintf("%.3g Wh", c.Joules/3600)
}

// PeakMiB returns the most resident memory that the process has had; 0 where the system does not tell.
func PeakMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		var kib float64
		if _, err := fmt.Sscanf(string(line), "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	return 0
}

// A run's folder has a file for each process that made something of it:
//
//	OUT/.cost/PROCESS.json    its cost
//
// It is hidden, since it differs from run to run: what is made does not.
func folder(out string) string { return filepath.Join(out, ".cost") }

// Write keeps the cost of this process, which began then, with the run in out.
func (c Cost) Write(out string, began time.Time) error {
	host, err := os.Hostname()
	name := sha256.Sum256(fmt.Append(nil, host, os.Getpid(), began.UnixNano()))
	return cmp.Or(err, atomicfile.WriteJSON(filepath.Join(folder(out), fmt.Sprintf("%.6x.json", name)), c))
}

// Of adds the costs of all processes that made something of the run in out; processes is 0 where nothing is known.
func Of(out string) (sum Cost, processes int, err error) {
	files, err := store.ReadDir(folder(out))
	if errors.Is(err, fs.ErrNotExist) {
		return sum, 0, nil
	}
	for _, f := range files {
		path := filepath.Join(folder(out), f.Name())
		if filepath.Ext(path) != ".json" {
			continue
		}
		data, err := atomicfile.Read(path, atomicfile.MostText)
		if err != nil {
			return sum, 0, err
		}
		var c Cost
		if err := json.Unmarshal(data, &c); err != nil {
			return sum, 0, fmt.Errorf("%q: %w", path, err)
		}
		sum, processes = sum.Add(c), processes+1
	}
	return sum, processes, err
}
