package terminal

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"

	"mgd3/stage"
)

// newPTY opens a terminal of so many columns: what is written to tty is read from the master.
func newPTY(t *testing.T, columns int) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { tty.Close() })
	resize(t, master, columns)
	return master, tty
}

func resize(t *testing.T, master *os.File, columns int) {
	t.Helper()
	size := &unix.Winsize{Row: 24, Col: uint16(columns)}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
}

// said is all that was written to the terminal.
func said(t *testing.T, master, tty *os.File) string {
	t.Helper()
	const end = "\x04end"
	if _, err := tty.WriteString(end); err != nil {
		t.Fatal(err)
	}
	var all []byte
	buf := make([]byte, 4096)
	for !strings.HasSuffix(string(all), end) {
		n, err := master.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	return strings.TrimSuffix(string(all), end)
}

// shows plays what a terminal of so many columns was told, with the sequences that a Screen uses, and returns its rows.
func shows(t *testing.T, text string, columns int) (rows []string) {
	t.Helper()
	cells := [][]string{nil}
	y, x := 0, 0
	for text != "" {
		switch {
		case text[0] == '\r':
			x, text = 0, text[1:]
			continue
		case text[0] == '\n':
			if y++; y == len(cells) {
				cells = append(cells, nil)
			}
			text = text[1:]
			continue
		case text[0] == '\x1b':
			seq, width, n, _ := ansi.DecodeSequence(text, 0, nil)
			text = text[n:]
			up := 0
			switch {
			case width != 0 || len(seq) < 3:
				t.Fatalf("sequence %q", seq)
			case strings.HasSuffix(seq, "K"):
				cells[y] = cells[y][:min(x, len(cells[y]))]
			case strings.HasSuffix(seq, "J"):
				cells[y], cells = cells[y][:min(x, len(cells[y]))], cells[:y+1]
			case strings.HasSuffix(seq, "A"):
				fmt.Sscanf(seq, "\x1b[%dA", &up)
				y = max(0, y-up)
			case !strings.HasSuffix(seq, "m"):
				t.Fatalf("sequence %q", seq)
			}
			continue
		}
		cluster, width := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		text = text[len(cluster):]
		if x+width > columns {
			x, y = 0, y+1
			if y == len(cells) {
				cells = append(cells, nil)
			}
		}
		for len(cells[y]) < x+width {
			cells[y] = append(cells[y], " ")
		}
		cells[y][x] = cluster
		for i := 1; i < width; i++ {
			cells[y][x+i] = ""
		}
		x += width
	}
	for _, row := range cells {
		rows = append(rows, strings.Join(row, ""))
	}
	return rows
}

// TestScreen: on a terminal the line is one row whatever its width, warnings and notes stand above it, and the last
// line of a stage stays.
func TestScreen(t *testing.T) {
	for _, columns := range []int{20, 40, 80, 200} {
		master, tty := newPTY(t, columns)
		screen := NewScreen(tty, func(string) string { return "" })
		p := New(&strings.Builder{}, screen, false, false, "encode", "sample")
		other := New(&strings.Builder{}, screen, false, false) // a command may have more than one
		now := time.Unix(0, 0)
		p.now = func() time.Time { now = now.Add(time.Second); return now }
		for i := range 5 {
			p.Event(stage.Event{Stage: "sample", Done: i, Total: 4, Class: "柴犬"})
			if i == 1 {
				other.Warn("look")
				fmt.Fprint(screen, "mgd3: a note\n")
				fmt.Fprint(Above(tty, screen), "result\n")
			}
		}
		text := said(t, master, tty)
		rows := shows(t, text, columns)
		if len(rows) != 5 || strings.Join(rows[:3], ", ") != "mgd3: warning: look, mgd3: a note, result" ||
			!strings.Contains(rows[3], "sample") || !strings.Contains(rows[3], "4/4") || rows[4] != "" {
			t.Errorf("%d columns show %q\nby %q", columns, rows, text)
		}
		if !strings.Contains(text, "\x1b[36m") || !strings.Contains(text, full) {
			t.Errorf("%d columns: no bar, or not in colour: %q", columns, text)
		}
		for draw := range strings.SplitSeq(text, "\r") {
			if w := ansi.StringWidth(draw); w >= columns {
				t.Errorf("%d columns: %q has %d", columns, draw, w)
			}
		}
	}
}

// TestScreenResized: where a window is made narrower, its terminal breaks the line in rows; all of them are cleared.
func TestScreenResized(t *testing.T) {
	master, tty := newPTY(t, 100)
	screen := NewScreen(tty, func(string) string { return "" })
	p := New(&strings.Builder{}, screen, false, false)
	p.every = 0
	p.Event(stage.Event{Stage: "sample", Done: 1, Total: 4, Class: strings.Repeat("n02102040", 5)})
	resize(t, master, 30)
	p.Event(stage.Event{Stage: "sample", Done: 2, Total: 4, Class: strings.Repeat("n02102040", 5)})
	if rows := shows(t, said(t, master, tty), 30); len(rows) != 1 || !strings.HasPrefix(rows[0], "sample ") ||
		!strings.Contains(rows[0], "2/4") {
		t.Errorf("it shows %q", rows)
	}
	resize(t, master, 200)
	p.Event(stage.Event{Stage: "sample", Done: 3, Total: 4, Class: "cat"})
	if text := said(t, master, tty); !strings.Contains(text, `class "cat"`) {
		t.Errorf("made wider, it says %q", text)
	}
}

// TestScreenIsPlain: no colour with NO_COLOR, no going back with TERM=dumb, no line if quiet.
func TestScreenIsPlain(t *testing.T) {
	for _, c := range []struct {
		name, value string
		quiet       bool
		want        string
	}{
		{"NO_COLOR", "1", false, "\rsample ██████████░░░░░░░░░░ 1/2 images\x1b[K" +
			"\rsample ████████████████████ 2/2 images\x1b[K\r\n"},
		{"TERM", "dumb", false, "sample 1/2 images\r\nsample 2/2 images\r\n"},
		{"", "", true, ""},
	} {
		master, tty := newPTY(t, 80)
		screen := NewScreen(tty, func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		p := New(&strings.Builder{}, screen, c.quiet, false)
		p.now = func() time.Time { return time.Unix(0, 0) }
		for i := range 2 {
			p.Event(stage.Event{Stage: "sample", Done: i + 1, Total: 2})
		}
		if got := said(t, master, tty); got != c.want {
			t.Errorf("%s=%s: got %q, want %q", c.name, c.value, got, c.want)
		}
	}
	if w := NewScreen(os.Stdin, os.Getenv); !Is(os.Stdin) && w != os.Stdin {
		t.Error("what is no terminal is a screen")
	}
}
