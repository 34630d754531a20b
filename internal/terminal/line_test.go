package terminal

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"mgd3/distill"
)

// TestLine: what a line says in how many columns. Nothing is wider than its terminal, not even with names of wide
// characters.
func TestLine(t *testing.T) {
	sample := line{place: [2]int{3, 3}, stage: "sample", unit: "images", done: 25, total: 100, kept: 5, rate: 0.5,
		class: "n02102040"}
	wide := sample
	wide.class = "柴犬と秋田犬"
	evil := sample
	evil.class = "a\x1b[2J\u202e\nb"
	train := line{place: [2]int{2, 30}, stage: "sets/nette-ipc10, convnet3, seed 0:", unit: "epochs", done: 150,
		total: 300, rate: 12, note: ", loss 0.512, test 61.3 %"}
	for _, c := range []struct {
		line    line
		columns int
		want    string
	}{
		{sample, 200, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 5 were there, 0.5/s, 2m30s left, ` +
			`class "n02102040"`},
		{sample, 80, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 0.5/s, 2m30s left, class "n0210…"`},
		{sample, 79, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 0.5/s, 2m30s left, class "n021…"`},
		{sample, 60, `sample ██░░░░░░░░ 25/100, 2m30s left, class "n02102040"`},
		{sample, 50, `sample ██░░░░░░░░ 25/100, 2m30s left, class "n02…"`},
		{sample, 40, `sample ██░░░░░░░░ 25/100, 2m30s left`},
		{sample, 19, `sample █░░░░ 25/100`},
		{sample, 15, `sample 25/100`},
		{sample, 8, `sample …`},
		{sample, 0, ``},
		{wide, 200, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 5 were there, 0.5/s, 2m30s left, ` +
			`class "柴犬と秋田犬"`},
		{wide, 80, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 0.5/s, 2m30s left, class "柴犬…"`},
		{evil, 200, `3/3 sample █████░░░░░░░░░░░░░░░ 25/100 images, 5 were there, 0.5/s, 2m30s left, ` +
			`class "a\x1b[2J\u202e\nb"`},
		{train, 120, `2/30 sets/nette-ipc10, convnet3, seed 0: ██████████░░░░░░░░░░ 150/300 epochs, 12/s, 13s left, ` +
			`loss 0.512, test 61.3 %`},
		{train, 60, `sets/nette-ipc10, convnet3, s… █████░░░░░ 150/300, 13s left`},
		{train, 19, `sets/net… 150/300`},
		{line{stage: "encode", unit: "images"}, 80, `encode ░░░░░░░░░░░░░░░░░░░░ 0/0 images`},
		{line{stage: "encode", unit: "images", done: 9, total: 8}, 80, `encode ████████████████████ 9/8 images`},
		{line{stage: "pull", unit: "MB", done: 1, total: 90000, rate: 5}, 80,
			`pull   ░░░░░░░░░░░░░░░░░░░░ 1/90000 MB, 5/s, 5h0m0s left`},
	} {
		got, width := c.line.fit(c.columns, false)
		if got != c.want {
			t.Errorf("%d columns:\n%s, want\n%s", c.columns, got, c.want)
		}
		if w := ansi.StringWidth(got); w > c.columns || w != width {
			t.Errorf("%q has %d columns, said to be %d, of %d", got, w, width, c.columns)
		}
		colour, _ := c.line.fit(c.columns, true)
		if ansi.Strip(colour) != got || strings.Contains(got, full) != strings.Contains(colour, "\x1b[36m") {
			t.Errorf("in colour: %q, want %q with a colour in it", colour, got)
		}
	}
	for columns := range 120 { // whatever the width
		for _, l := range []line{sample, wide, evil, train} {
			if text, _ := l.fit(columns, false); ansi.StringWidth(text) > columns {
				t.Errorf("%d columns: %q", columns, text)
			}
		}
	}
}

// TestPaceIsSteady: batches that take 20 % longer and shorter by turns, and one that takes three times as long, move
// the time at which all will be done by no more than their share of the time that is measured over; the rate at last
// is that of all.
func TestPaceIsSteady(t *testing.T) {
	var p pace
	start := time.Unix(1000, 0)
	now := start
	p.add(0, 0, now)
	const total, batch, usual = 8000, 8, 10.0 // 10,000 s
	var end float64
	for i := 1; i <= total/batch; i++ {
		took := usual * (1 + 0.2*float64(i%2*2-1))
		if i == 500 {
			took = 3 * usual
		}
		now = now.Add(time.Duration(took * 1e9))
		p.add(i*batch, 0, now)
		left := float64(total-i*batch) / p.rate(false)
		ends := now.Sub(start).Seconds() + left
		// a batch may take 22 s more than those before; the rate is over those of a third of the time, 3 at least
		bound := 2.2 * usual * (1 + left/usual/max(3, float64(i)/3))
		if moved := math.Abs(ends - end); i > 5 && moved > bound {
			t.Errorf("batch %d: %.0f s left, and the end moved by %.0f s", i, left, moved)
		}
		end = ends
	}
	if got, want := p.rate(true), total/now.Sub(start).Seconds(); math.Abs(got-want) > 1e-9*want {
		t.Errorf("the rate of all is %v, want %v", got, want)
	}
}

// TestPaceFollows: a stage that begins slowly, by compiling say, is soon at its own pace; what was there, or is made by
// others, has no part in it; and a count that falls begins anew.
func TestPaceFollows(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	add := func(seconds int, made, others int) float64 {
		now = now.Add(time.Duration(seconds) * time.Second)
		p.add(made, others, now)
		return p.rate(false)
	}
	add(0, 0, 0)
	add(500, 0, 9000) // looked through
	if got := add(60, 8, 9000); got != 8.0/60 {
		t.Errorf("after the first batch: %v", got)
	}
	var got float64
	for i := range 100 {
		got = add(4, 16+8*i, 9000)
	}
	if math.Abs(got-2) > 0.06 {
		t.Errorf("at 2 units a second: %v", got)
	}
	if again := add(100, 808, 9500); again != got {
		t.Errorf("what others made moved the rate from %v to %v", got, again)
	}
	if got := add(10, 0, 0); got != 0 {
		t.Errorf("of a new stage: %v", got)
	}
}

func TestStagesHaveUnits(t *testing.T) {
	for _, stage := range distill.Stages {
		if units[stage] == "" {
			t.Errorf("stage %q counts nothing", stage)
		}
	}
}
