package stage

import "fmt"

// Event is one thing that happened in a stage.
type Event struct {
	Stage   string `json:"stage"`             // its name, "encode" say
	Done    int    `json:"done"`              // units of the stage that are done
	Total   int    `json:"total"`             // units of the stage in this shard
	Kept    int    `json:"kept"`              // of Done: found complete from an earlier run
	Class   string `json:"class,omitempty"`   // the class at work
	Warning string `json:"warning,omitempty"` // something the user should know
}

// Progress counts the units of one stage and reports them. Its methods are called from one goroutine at a time.
type Progress struct {
	report func(Event)
	event  Event
}

// NewProgress returns the progress of a stage with so many units. A nil report is told nothing.
func NewProgress(report func(Event), stage string, total int) *Progress {
	if report == nil {
		report = func(Event) {}
	}
	return &Progress{report: report, event: Event{Stage: stage, Total: total}}
}

// Add reports n more units of a class as done, kept of which were found complete.
func (p *Progress) Add(class string, n, kept int) {
	p.event.Class, p.event.Done, p.event.Kept = class, p.event.Done+n, p.event.Kept+kept
	p.report(p.event)
}

// Stage is the name of the stage.
func (p *Progress) Stage() string { return p.event.Stage }

// Others reports what is left of the stage's units as done by others.
func (p *Progress) Others() {
	if n := p.event.Total - p.event.Done; n > 0 {
		p.Add("", n, n)
	}
}

// Warn reports something the user should know of a class, or of the whole stage where class is "".
func (p *Progress) Warn(class, format string, args ...any) {
	e := p.event
	e.Class, e.Warning = class, fmt.Sprintf(format, args...)
	p.report(e)
}

// LockSettings is [LockSettings] of the stage's folder. It warns where a damaged file was written anew.
func (p *Progress) LockSettings(dir string, v any, ours func() (bool, error)) error {
	healed, err := LockSettings(dir, v, ours)
	if err == nil && healed != nil {
		p.Warn("", "%v: made again", healed)
	}
	return err
}
