// Package terminal shows people how a run goes on, and other programs too: as a line that renews itself, as plain lines
// or as JSON.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"mgd3/baseline"
	"mgd3/compare"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/glyphs"
	"mgd3/stage"
	"mgd3/train"
	"mgd3/weights/hub"
)

// Progress tells a person, or a machine, how a run goes on.
type Progress struct {
	mu       sync.Mutex
	out      io.Writer
	show     func(line string, last bool) // shows one line of progress
	bar      bool                         // with a bar in it
	every    time.Duration                // at most one line in this time
	json     *json.Encoder
	now      func() time.Time
	stage    string
	kept     int       // units found complete, at the last event
	base     int       // units made before began
	began    time.Time // of what the rate is measured over: since units were last found complete
	shown    time.Time
	openLine bool
	note     string // stands at the end of the line
}

// New reports to stderr: a line that renews itself on a terminal, plain lines elsewhere, nothing
// if quiet; as JSON, one event a line, to stdout.
func New(stdout, stderr io.Writer, quiet, asJSON bool) *Progress {
	p := &Progress{out: stderr, now: time.Now}
	switch {
	case asJSON:
		p.json = json.NewEncoder(stdout)
	case quiet:
		p.show = func(string, bool) {}
	case Is(stderr):
		p.show, p.every, p.bar = p.renew, 100*time.Millisecond, true
	default:
		p.show, p.every = p.plain, 10*time.Second
	}
	return p
}

// Is reports whether w is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *Progress) plain(line string, _ bool) { fmt.Fprintln(p.out, line) }

func (p *Progress) renew(line string, last bool) {
	fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	if p.openLine = !last; last {
		fmt.Fprintln(p.out)
	}
}

// Event is told of everything that happens.
func (p *Progress) Event(e stage.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json != nil {
		_ = p.json.Encode(e) // a reader that has gone away does not stop the run
		return
	}
	if e.Warning != "" {
		p.warn(e)
		return
	}
	now := p.now()
	if e.Stage != p.stage {
		p.stage, p.kept, p.base, p.began, p.shown = e.Stage, 0, 0, now, time.Time{}
	}
	if e.Kept != p.kept {
		p.kept, p.base, p.began = e.Kept, e.Done-e.Kept, now
	}
	last := e.Done == e.Total
	if !last && now.Sub(p.shown) < p.every {
		return
	}
	p.shown = now
	p.show(Printable(p.line(e, now)), last)
}

// Warn is told what may be wrong.
func (p *Progress) Warn(text string) { p.Event(stage.Event{Warning: text}) }

// Training is told of everything that happens in a training.
func (p *Progress) Training(e train.Event) {
	if p.json != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.json.Encode(e)
		return
	}
	if p.note = ""; e.Step > 0 {
		p.note = fmt.Sprintf(", step %d, loss %.4f", e.Step, e.Loss)
	}
	p.Event(e.Event)
}

// Evaluation is told of every epoch of a training on a set.
func (p *Progress) Evaluation(set string, e evaluate.Event) {
	if p.json != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.json.Encode(struct {
			Set string `json:"set"`
			evaluate.Event
		}{set, e})
		return
	}
	training := fmt.Sprintf("%s, %s, seed %d:", set, e.Net, e.Seed)
	if e.Warning != "" {
		p.Event(stage.Event{Warning: e.Warning})
		return
	}
	if training != p.stage {
		p.note = ""
	}
	if e.Test != nil {
		p.note = fmt.Sprintf(", loss %.3f, test %.1f %%", e.Loss, 100**e.Test)
	}
	p.Event(stage.Event{Stage: training, Done: e.Epoch, Total: e.Epochs})
}

func (p *Progress) warn(e stage.Event) {
	if p.openLine {
		fmt.Fprintln(p.out)
		p.openLine = false
	}
	fmt.Fprintf(p.out, "mgd3: warning: %s%s\n", prefix(e.Class), Printable(e.Warning))
}

func prefix(class string) string {
	if class == "" {
		return ""
	}
	return fmt.Sprintf("class %q: ", class)
}

// StagePull is a stage that no other package names: of files from a hub; it counts megabytes.
const StagePull = "pull"

// units name what a stage counts.
var units = map[string]string{
	distill.StageEncode:  "images",
	distill.StageModes:   "classes",
	distill.StageSample:  "images",
	distill.StageMerge:   "manifest",
	baseline.StageChoose: "images",
	train.StageRead:      "images",
	train.StageTrain:     "images",
	glyphs.StageDraw:     "images",
	StagePull:            "MB",
}

// line is one line of progress: what is done, at which rate, and how long the rest will take.
func (p *Progress) line(e stage.Event, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s ", e.Stage)
	if p.bar {
		const width = 20
		full := width * e.Done / max(1, e.Total)
		b.WriteString(strings.Repeat("█", full) + strings.Repeat("░", width-full) + " ")
	}
	unit, ok := units[e.Stage]
	if !ok {
		unit = "epochs" // of a training that has its own name
	}
	fmt.Fprintf(&b, "%d/%d %s", e.Done, e.Total, unit)
	if e.Kept > 0 {
		fmt.Fprintf(&b, ", %d were there", e.Kept)
	}
	made, took := e.Done-e.Kept-p.base, now.Sub(p.began)
	if made > 0 && took > 0 {
		rate := float64(made) / took.Seconds()
		if rate >= 1000 { // three digits would be written with an exponent
			fmt.Fprintf(&b, ", %.0f/s", rate)
		} else {
			fmt.Fprintf(&b, ", %.3g/s", rate)
		}
		if left := e.Total - e.Done; left > 0 {
			fmt.Fprintf(&b, ", %v left", Short(time.Duration(float64(left)/rate*float64(time.Second))))
		}
	}
	if e.Done < e.Total && e.Class != "" {
		fmt.Fprintf(&b, ", class %q", e.Class)
	}
	b.WriteString(p.note)
	return b.String()
}

// Short rounds a duration to what a person wants to know.
func Short(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Second * 10)
}

// Comparison is told of everything that happens in a comparison.
func (p *Progress) Comparison(e compare.Event) {
	switch {
	case p.json != nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.json.Encode(e)
	case e.Making != nil:
		if e.Making.Warning != "" || e.Making.Done > e.Making.Kept { // else it is there already
			p.note = ""
			p.Event(*e.Making)
		}
	case e.Training != nil:
		name, _, _ := strings.Cut(e.Set, ", seed")
		p.Evaluation(name, *e.Training)
	case e.Score != nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stage = "" // the next training may have the same name
		p.show(fmt.Sprintf("%d/%d  %s, %s: %.1f %% (%.0f s)", e.Done, e.Total, e.Set, e.Score.Net, 100*e.Score.Value(),
			e.Score.Seconds), true)
	}
}

// Download is told of everything that happens in a pull.
func (p *Progress) Download(e hub.Event) {
	if p.json != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.json.Encode(e)
		return
	}
	if e.Note != "" {
		p.Event(stage.Event{Warning: strings.TrimPrefix(e.File+": "+e.Note, ": ")})
		return
	}
	const mega = 1_000_000
	done, total := int(e.Done/mega), int((e.Total+mega-1)/mega)
	if e.Done == e.Total {
		done = total
	}
	p.note = ", " + e.File
	p.Event(stage.Event{Stage: StagePull, Kept: int(e.Kept / mega), Done: done, Total: total})
}
