package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mgd3/distill"
	"mgd3/modes"
)

// Point is the settings that a sweep varies.
type Point struct {
	Lambda float64 `json:"lambda"`
	// in steps of the settings around which the points stand; of other numbers of steps the same share
	Stop    int          `json:"stop"`
	Cluster modes.Method `json:"cluster"` // how modes are found
	Steps   string       `json:"steps"`   // as diffusion.Settings.Respacing
	CFG     float64      `json:"cfg"`
}

// PointOf returns the point that settings stand at.
func PointOf(s distill.Settings) Point {
	return Point{s.Sample.Lambda, s.Sample.Stop, s.Modes.Method, s.Sample.Respacing, s.Sample.CFG}
}

// settings returns the settings around which the points stand moved to the point.
func (p Point) settings(s distill.Settings) distill.Settings {
	s.Sample.Stop = p.Stop
	was, errWas := strconv.Atoi(s.Sample.Respacing)
	is, errIs := strconv.Atoi(p.Steps)
	if errWas == nil && errIs == nil && p.Stop > 0 {
		s.Sample.Stop = p.Stop * is / was
	}
	s.Sample.Lambda, s.Modes.Method, s.Sample.Respacing, s.Sample.CFG = p.Lambda, p.Cluster, p.Steps, p.CFG
	return s
}

func (p Point) String() string {
	return fmt.Sprintf("λ %v, stop %d, %s, %s steps, cfg %v", p.Lambda, p.Stop, p.Cluster, p.Steps, p.CFG)
}

// folder is the name of the point's folder.
func (p Point) folder() string {
	return fmt.Sprintf("lambda%v-stop%d-%s-steps%s-cfg%v", p.Lambda, p.Stop, p.Cluster, p.Steps, p.CFG)
}

// Axes are the values that a sweep goes through; an axis without values stays where the settings are.
type Axes struct {
	Lambda  []float64      `json:"lambda,omitempty"`
	Stop    []int          `json:"stop,omitempty"`
	Cluster []modes.Method `json:"cluster,omitempty"`
	Steps   []int          `json:"steps,omitempty"`
	CFG     []float64      `json:"cfg,omitempty"`
}

// axis is one axis: its name, its values as moves, and where a point is on it.
type axis struct {
	name  string
	moves []func(*Point)
	at    func(Point) string
}

// list returns the axes in the order of their names in a table.
func (a Axes) list() []axis {
	return []axis{
		{"lambda", moves(a.Lambda, func(p *Point, v float64) { p.Lambda = v }),
			func(p Point) string { return fmt.Sprint(p.Lambda) }},
		{"stop", moves(a.Stop, func(p *Point, v int) { p.Stop = v }),
			func(p Point) string { return strconv.Itoa(p.Stop) }},
		{"cluster", moves(a.Cluster, func(p *Point, v modes.Method) { p.Cluster = v }),
			func(p Point) string { return string(p.Cluster) }},
		{"cfg", moves(a.CFG, func(p *Point, v float64) { p.CFG = v }),
			func(p Point) string { return fmt.Sprint(p.CFG) }},
		{"steps", moves(a.Steps, func(p *Point, v int) { p.Steps = strconv.Itoa(v) }),
			func(p Point) string { return p.Steps }},
	}
}

func moves[V any](values []V, move func(*Point, V)) []func(*Point) {
	var list []func(*Point)
	for _, v := range values {
		list = append(list, func(p *Point) { move(p, v) })
	}
	return list
}

// Points returns base and the points around it: those that differ from base on one axis, or, of a grid, every
// combination. No point comes twice.
func (a Axes) Points(base Point, grid bool) []Point {
	points := []Point{base}
	add := func(p Point) {
		if !slices.Contains(points, p) {
			points = append(points, p)
		}
	}
	if !grid {
		for _, axis := range a.list() {
			for _, move := range axis.moves {
				p := base
				move(&p)
				add(p)
			}
		}
		return points
	}
	all := points
	for _, axis := range a.list() {
		var next []Point
		for _, from := range all {
			if len(axis.moves) == 0 {
				next = append(next, from)
			}
			for _, move := range axis.moves {
				p := from
				move(&p)
				next = append(next, p)
			}
		}
		all = next
	}
	for _, p := range all {
		add(p)
	}
	return points
}

// swept returns the axes on which some points differ.
func swept(points []Point) []axis {
	return slices.DeleteFunc(Axes{}.list(), func(a axis) bool {
		return !slices.ContainsFunc(points, func(p Point) bool { return a.at(p) != a.at(points[0]) })
	})
}

// but says where the point is on all axes but one.
func (p Point) but(one axis, axes []axis) string {
	var parts []string
	for _, a := range axes {
		if a.name != one.name {
			parts = append(parts, a.name+" "+a.at(p))
		}
	}
	return strings.Join(parts, ", ")
}

// TakeLists is Parse of all lists of several values among text of axes, with commas between them; each is emptied, so
// that what is one value stays. It returns the axes that were lists, and an error names the flag.
func (a *Axes) TakeLists(texts map[string]*string) (taken []string, err error) {
	for _, name := range []string{"lambda", "stop", "steps", "cfg", "cluster"} {
		text := texts[name]
		if text == nil || !strings.Contains(*text, ",") {
			continue
		}
		if err := a.Parse(name, strings.Split(*text, ",")); err != nil {
			return taken, fmt.Errorf("--%w", err)
		}
		*text, taken = "", append(taken, name)
	}
	return taken, nil
}

// Parse adds values to try of one axis, by the name of its setting: lambda, stop, steps, cfg or cluster.
func (a *Axes) Parse(name string, values []string) (err error) {
	for _, value := range values {
		v := strings.TrimSpace(value)
		switch name {
		case "lambda":
			err = appendNumber(&a.Lambda, v, parseFloat)
		case "stop":
			err = appendNumber(&a.Stop, v, strconv.Atoi)
		case "steps":
			err = appendNumber(&a.Steps, v, strconv.Atoi)
		case "cfg":
			err = appendNumber(&a.CFG, v, parseFloat)
		case "cluster":
			a.Cluster = append(a.Cluster, modes.Method(v))
		}
		if err != nil {
			return fmt.Errorf("%s: %q is no number", name, value)
		}
	}
	return nil
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func appendNumber[N any](list *[]N, s string, parse func(string) (N, error)) error {
	v, err := parse(s)
	*list = append(*list, v)
	return err
}
