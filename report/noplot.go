//go:build noplot

package report

import (
	"fmt"
	"io"
)

// bench/gpu.sh carries the program to a card with the tag noplot: gonum's diagrams bring typefaces, 4 MB, and code for
// LaTeX and PDF.

// SVG says that this program draws no diagrams.
func (p Plot) SVG(w io.Writer) error { return noDiagram(w, p.Title) }

// SVG says that this program draws no diagrams.
func (t Table) SVG(w io.Writer) error { return noDiagram(w, t.Title) }

func noDiagram(w io.Writer, title string) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="420" height="40"><text x="8" y="24">%s: `+
		"this program was built without diagrams (-tags noplot)</text></svg>\n", escaped(title))
	return err
}
