// Package terminal shows people how a run goes on, and other programs too: as a line that renews itself, as plain lines
// or as JSON.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

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
	mu     sync.Mutex
	out    io.Writer
	screen *Screen       // that out is; nil where lines do not renew themselves
	quiet  bool          // warnings alone
	every  time.Duration // at most one line in this time
	json   *json.Encoder
	now    func() time.Time
	stages []string // of the command, in order; may be empty
	stage  string
	pace   pace
	shown  time.Time
	place  [2]int // which of how many, where the stages are none of these
	note   string // at the end of the line
}

// New reports to stderr: a line that renews itself where it is a [Screen], plain lines elsewhere, nothing if quiet; as
// JSON, one event a line, to stdout. The stages are those that the command goes through, where that is known.
func New(stdout, stderr io.Writer, quiet, asJSON bool, stages ...string) *Progress {
	p := &Progress{out: stderr, now: time.Now, quiet: quiet, every: 10 * time.Second, stages: stages}
	if asJSON {
		p.json = json.NewEncoder(stdout)
	}
	if screen, ok := stderr.(*Screen); ok {
		p.screen, p.every = screen, 100*time.Millisecond
	}
	return p
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
		p.stage, p.pace, p.shown = e.Stage, pace{}, time.Time{}
	}
	p.pace.add(e.Done-e.Kept, e.Kept, now)
	last := e.Done == e.Total
	if p.quiet || !last && now.Sub(p.shown) < p.every {
		return
	}
	p.shown = now
	p.show(p.line(e), last)
	if last {
		p.stage = "" // the next may have the same name
	}
}

// show shows a line; the last one of a stage stays.
func (p *Progress) show(l line, last bool) {
	if p.screen == nil {
		fmt.Fprintln(p.out, l.plain())
		return
	}
	p.screen.Line(func(columns int, colour bool) (string, int) {
		return l.fit(columns-1, colour) // in the last column, some terminals go on to the next row
	}, last)
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
	compare.StagePage:    "images",
	StagePull:            "MB",
}

// line is what an event says.
func (p *Progress) line(e stage.Event) line {
	unit, ok := units[e.Stage]
	if !ok {
		unit = "epochs" // of a training that has its own name
	}
	l := line{place: p.place, stage: e.Stage, unit: unit, done: e.Done, total: e.Total, kept: e.Kept,
		rate: p.pace.rate(e.Done == e.Total), class: e.Class, note: p.note}
	if at := slices.Index(p.stages, e.Stage); at >= 0 {
		l.place = [2]int{at + 1, len(p.stages)}
	}
	return l
}

// Comparison is told of everything that happens in a comparison.
func (p *Progress) Comparison(e compare.Event) {
	switch {
	case p.json != nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.json.Encode(e)
	case e.Making != nil:
		p.place = [2]int{}
		if e.Making.Warning != "" || e.Making.Done > e.Making.Kept { // else it is there already
			p.note = ""
			p.Event(*e.Making)
		}
	case e.Training != nil:
		name, _, _ := strings.Cut(e.Set, ", seed")
		p.place = [2]int{e.Done + 1, e.Total}
		p.Evaluation(name, *e.Training)
	case e.Score != nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stage = "" // the next training may have the same name
		if p.quiet {
			return
		}
		fmt.Fprintf(p.out, "%d/%d  %s, %s: %.1f %% (%.0f s)\n", e.Done, e.Total, Printable(e.Set), e.Score.Net,
			100*e.Score.Value(), e.Score.Seconds)
	}
}

// Trial is told what one set of a sweep, or of an automatic choice, came to.
func (p *Progress) Trial(done, total int, at compare.Point, t compare.Trial) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.json != nil:
		_ = p.json.Encode(struct {
			Done  int           `json:"done"`
			Total int           `json:"total"`
			Point compare.Point `json:"point"`
			Trial compare.Trial `json:"trial"`
		}{done, total, at, t})
	case !p.quiet:
		fmt.Fprintf(p.out, "%d/%d  %v, %v\n", done, total, at, t)
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
