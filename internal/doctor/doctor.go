// Package doctor tells what this machine has for mgd3, and what to do about what it lacks. It reads files of the system
// and of the user, and runs no program and asks no network.
package doctor

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// State says what a fact means.
type State string

const (
	Good    State = "good"
	Absent  State = "absent"  // not here, and needed only by who asks for it
	Tight   State = "tight"   // enough for some things
	Problem State = "problem" // something cannot work
)

// Fact is one thing that was looked at.
type Fact struct {
	Area   string `json:"area"` // processor, memory, disk, backend, tools, network
	Name   string `json:"name"`
	State  State  `json:"state"`
	Value  string `json:"value"`            // what it is, in words
	Number int64  `json:"number,omitempty"` // bytes or cores, where the value is of some
	Advice string `json:"advice,omitempty"` // what to do about it
}

// Report is all that was looked at.
type Report struct {
	Version string `json:"version"`
	System  string `json:"system"` // linux/amd64, say
	Facts   []Fact `json:"facts"`
}

// Problems are the facts with which something cannot work.
func (r *Report) Problems() (list []Fact) {
	for _, f := range r.Facts {
		if f.State == Problem {
			list = append(list, f)
		}
	}
	return list
}

// Machine is where it looks; the zero value is this machine.
type Machine struct {
	Proc  string // in place of /proc
	Dev   string // in place of /dev
	Cache string // the hub's cache; "" where there can be none, for that reason:
	Why   string
	Look  func(string) (string, error) // finds a program; nil is exec.LookPath
	Env   func(string) string          // nil is os.Getenv
}

// Examine looks at everything but the backends, which the caller adds.
func (m Machine) Examine(version string) Report {
	m.Proc, m.Dev = cmp.Or(m.Proc, "/proc"), cmp.Or(m.Dev, "/dev")
	if m.Look == nil {
		m.Look = exec.LookPath
	}
	if m.Env == nil {
		m.Env = os.Getenv
	}
	r := Report{Version: version, System: runtime.GOOS + "/" + runtime.GOARCH}
	for _, facts := range []func() []Fact{m.processor, m.memory, m.disk, m.drivers, m.tools, m.network} {
		r.Facts = append(r.Facts, facts()...)
	}
	return r
}

// Err is an error of the problems, nil without any.
func (r *Report) Err() error {
	var names []string
	for _, f := range r.Problems() {
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("wrong with this machine: %s", strings.Join(names, ", "))
}

// Text writes the report for people, an area after the other, each piece of advice below its fact.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "mgd3 %s on %s\n", r.Version, r.System)
	marks := map[State]string{Good: "ok", Absent: "-", Tight: "tight", Problem: "WRONG"}
	area := ""
	for _, f := range r.Facts {
		if f.Area != area {
			area = f.Area
			fmt.Fprintf(&b, "\n%s\n", area)
		}
		fmt.Fprintf(&b, "  %-6s %-16s %s\n", marks[f.State], f.Name, f.Value)
		if f.Advice != "" {
			fmt.Fprintf(&b, "  %-6s %-16s → %s\n", "", "", f.Advice)
		}
	}
	fmt.Fprintln(&b)
	if n := len(r.Problems()); n == 0 {
		fmt.Fprintln(&b, "Nothing is wrong. What has a - is needed by some commands only.")
	} else {
		fmt.Fprintf(&b, "%d wrong, see above.\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
