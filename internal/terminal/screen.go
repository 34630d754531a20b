package terminal

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"golang.org/x/term"
)

// Screen is a terminal whose last line renews itself. Whatever else is written goes above that line, which is then
// drawn again.
type Screen struct {
	mu      sync.Mutex
	to      io.Writer
	columns func() int
	colour  bool
	draw    func(columns int, colour bool) (text string, width int) // of the line; nil where there is none
	drawn   int                                                     // columns that it takes, as it is there
}

// NewScreen returns w as a Screen where it is a terminal that can go back in a line, else as it is. The variables TERM
// and NO_COLOR decide, by what their names are to mean everywhere.
func NewScreen(w io.Writer, env func(string) string) io.Writer {
	if !Is(w) || env("TERM") == "dumb" {
		return w
	}
	return &Screen{to: w, columns: func() int { return Columns(w) }, colour: env("NO_COLOR") == ""}
}

// Is reports whether w is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// Above returns w, where it is a terminal beside the [Screen] that other may be, as what writes above its line.
func Above(w, other io.Writer) io.Writer {
	if screen, ok := other.(*Screen); ok && Is(w) {
		return above{screen, w}
	}
	return w
}

type above struct {
	screen *Screen
	to     io.Writer
}

func (a above) Write(p []byte) (int, error) { return a.screen.write(a.to, p) }
func (a above) Fd() uintptr                 { return fd(a.to) }

// Fd is that of the terminal.
func (s *Screen) Fd() uintptr { return fd(s.to) }

// fd is that of a file; no file has the largest.
func fd(w io.Writer) uintptr {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// Write puts text above the line.
func (s *Screen) Write(p []byte) (int, error) { return s.write(s.to, p) }

func (s *Screen) write(to io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draw == nil || len(p) == 0 {
		return to.Write(p)
	}
	columns := s.columns()
	erase, again := s.back(columns)+"\x1b[K", ""
	if bytes.HasSuffix(p, []byte("\n")) {
		again, s.drawn = s.draw(columns, s.colour)
	} else { // a question, say: the line would stand in its answer
		s.draw = nil
	}
	_, _ = io.WriteString(s.to, erase) // a terminal that has gone away does not stop the run
	n, err := to.Write(p)
	_, _ = io.WriteString(s.to, again)
	return n, err
}

// Line draws the line anew, in one write, so that it does not flicker; the last one stays.
func (s *Screen) Line(draw func(columns int, colour bool) (text string, width int), last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns := s.columns()
	text, width := draw(columns, s.colour)
	text = s.back(columns) + text + "\x1b[K"
	if s.draw, s.drawn = draw, width; last {
		text, s.draw, s.drawn = text+"\n", nil, 0
	}
	_, _ = io.WriteString(s.to, text)
}

// back goes to the beginning of the line as it is there. A window that was made narrower has broken it in rows.
func (s *Screen) back(columns int) string {
	if rows := (s.drawn - 1) / columns; s.drawn > 0 && rows > 0 {
		return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
	}
	return "\r"
}
