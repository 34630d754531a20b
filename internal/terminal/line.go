package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// line is what a line of progress says.
type line struct {
	place             [2]int // which of how many stages; 0 of 0 where that is not known
	stage, unit       string
	done, total, kept int
	rate              float64 // units a second; 0 is not known
	class, note       string  // the note begins with its comma
}

// shape is what of a line is shown.
type shape struct {
	bar                                  int // columns
	place, unit, kept, rate, class, note bool
	left                                 bool
}

// shapes, from the widest, are tried until one fits. A class is cut short before it is left out.
var shapes = []shape{
	{bar: 20, place: true, unit: true, kept: true, rate: true, left: true, class: true, note: true},
	{bar: 20, place: true, unit: true, rate: true, left: true, class: true, note: true},
	{bar: 10, place: true, unit: true, rate: true, left: true, class: true, note: true},
	{bar: 10, place: true, rate: true, left: true, class: true},
	{bar: 10, left: true, class: true},
	{bar: 10, left: true},
	{bar: 5, left: true},
	{left: true},
	{bar: 5},
	{},
}

// plain is the line where it need not fit and is not renewed.
func (l line) plain() string {
	head, class, note := l.parts(shape{unit: true, kept: true, rate: true, left: true, class: true, note: true})
	if class != "" {
		class = fmt.Sprintf(", class %q", class)
	}
	return Printable(head + class + note)
}

// fit is the line with a bar, no wider than so many columns, and its width.
func (l line) fit(columns int, colour bool) (text string, width int) {
	const leastClass = 4
	l.stage = ansi.Truncate(Printable(l.stage), max(6, columns/2), "…")
	for _, s := range shapes {
		head, class, note := l.parts(s)
		room := columns - ansi.StringWidth(head+note)
		if class != "" {
			class = Printable(fmt.Sprintf("%q", class))
			class = class[1 : len(class)-1]
			room -= len(`, class ""`)
			if room < min(leastClass, ansi.StringWidth(class)) {
				continue
			}
			class = `, class "` + ansi.Truncate(class, room, "…") + `"`
		} else if room < 0 {
			continue
		}
		text = head + class + note
		width = ansi.StringWidth(text)
		if colour {
			text = coloured(text)
		}
		return text, width
	}
	head, _, _ := l.parts(shape{})
	text = ansi.Truncate(head, columns, "…")
	return text, ansi.StringWidth(text)
}

// coloured is a text with its bar in cyan, which is legible on light and on dark.
func coloured(text string) string {
	from, to := strings.Index(text, full), strings.LastIndex(text, full)+len(full)
	if from < 0 {
		return text
	}
	return text[:from] + "\x1b[36m" + text[from:to] + "\x1b[0m" + text[to:]
}

const full, void = "█", "░"

// parts are the line up to the class, the class as it is, and the note.
func (l line) parts(s shape) (head, class, note string) {
	var b strings.Builder
	if s.place && l.place[1] > 1 {
		fmt.Fprintf(&b, "%d/%d ", l.place[0], l.place[1])
	}
	fmt.Fprintf(&b, "%-6s ", l.stage)
	if s.bar > 0 {
		n := s.bar * max(0, min(l.done, l.total)) / max(1, l.total)
		b.WriteString(strings.Repeat(full, n) + strings.Repeat(void, s.bar-n) + " ")
	}
	fmt.Fprintf(&b, "%d/%d", l.done, l.total)
	if s.unit {
		b.WriteString(" " + l.unit)
	}
	if s.kept && l.kept > 0 {
		fmt.Fprintf(&b, ", %d were there", l.kept)
	}
	if s.rate && l.rate >= 1000 { // three digits would be written with an exponent
		fmt.Fprintf(&b, ", %.0f/s", l.rate)
	} else if s.rate && l.rate > 0 {
		fmt.Fprintf(&b, ", %.3g/s", l.rate)
	}
	if left := l.total - l.done; s.left && l.rate > 0 && left > 0 {
		fmt.Fprintf(&b, ", %v left", Short(time.Duration(float64(left)/l.rate*float64(time.Second))))
	}
	if s.class && l.done < l.total {
		class = l.class
	}
	if s.note {
		note = Printable(l.note)
	}
	return b.String(), class, note
}

// Short rounds a duration to what a person wants to know.
func Short(d time.Duration) time.Duration {
	switch {
	case d < time.Minute:
		return d.Round(time.Second)
	case d < time.Hour:
		return d.Round(10 * time.Second)
	}
	return d.Round(time.Minute)
}
