// Command faces writes faces.txt: the outlines of the letters A to J of the typefaces of the glyphs, so that the
// program need not carry 13 MB of fonts for ten letters of each.
//
//	go generate ./glyphs
//
// A line is a letter: its split, typeface and name, then its outline as SVG writes a path, with the segments M
// (move), L (line), Q (quadratic) and C (cubic), y down, in 1/64 of the font's own unit. In that unit no whole
// number of a font is rounded, nor the middle of two, which TrueType leaves out.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/dejavu/dejavusansextralight"
	"github.com/go-fonts/dejavu/dejavusansmono"
	"github.com/go-fonts/dejavu/dejavusansmonobold"
	"github.com/go-fonts/dejavu/dejavusansmonooblique"
	"github.com/go-fonts/dejavu/dejavusansoblique"
	"github.com/go-fonts/dejavu/dejavuserif"
	"github.com/go-fonts/dejavu/dejavuserifbold"
	"github.com/go-fonts/dejavu/dejavuserifbolditalic"
	"github.com/go-fonts/dejavu/dejavuserifcondensed"
	"github.com/go-fonts/dejavu/dejavuserifitalic"
	"github.com/go-fonts/latin-modern/lmmono10italic"
	"github.com/go-fonts/latin-modern/lmmono10regular"
	"github.com/go-fonts/latin-modern/lmmonolt10bold"
	"github.com/go-fonts/latin-modern/lmroman10bold"
	"github.com/go-fonts/latin-modern/lmroman10bolditalic"
	"github.com/go-fonts/latin-modern/lmroman10italic"
	"github.com/go-fonts/latin-modern/lmroman10regular"
	"github.com/go-fonts/latin-modern/lmroman17regular"
	"github.com/go-fonts/latin-modern/lmromandunh10regular"
	"github.com/go-fonts/latin-modern/lmsans10bold"
	"github.com/go-fonts/latin-modern/lmsans10oblique"
	"github.com/go-fonts/latin-modern/lmsans10regular"
	"github.com/go-fonts/latin-modern/lmsansdemicond10regular"
	"github.com/go-fonts/liberation/liberationmonobold"
	"github.com/go-fonts/liberation/liberationmonobolditalic"
	"github.com/go-fonts/liberation/liberationmonoitalic"
	"github.com/go-fonts/liberation/liberationmonoregular"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansbolditalic"
	"github.com/go-fonts/liberation/liberationsansitalic"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifbolditalic"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
	"github.com/go-fonts/stix/stix2textbold"
	"github.com/go-fonts/stix/stix2textbolditalic"
	"github.com/go-fonts/stix/stix2textitalic"
	"github.com/go-fonts/stix/stix2textregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// letters are those of glyphs.Letters.
const letters = "ABCDEFGHIJ"

// typeface is a font file and the split that draws with it. The order of the typefaces is part of glyphs.Version.
type typeface struct {
	split, name string
	file        []byte
}

var typefaces = []typeface{
	{"train", "goregular", goregular.TTF},
	{"train", "goitalic", goitalic.TTF},
	{"train", "gobold", gobold.TTF},
	{"train", "gobolditalic", gobolditalic.TTF},
	{"train", "gomedium", gomedium.TTF},
	{"train", "gomono", gomono.TTF},
	{"train", "gomonoitalic", gomonoitalic.TTF},
	{"train", "gomonobold", gomonobold.TTF},
	{"train", "dejavusans", dejavusans.TTF},
	{"train", "dejavusansoblique", dejavusansoblique.TTF},
	{"train", "dejavusansbold", dejavusansbold.TTF},
	{"train", "dejavusansextralight", dejavusansextralight.TTF},
	{"train", "dejavusansmono", dejavusansmono.TTF},
	{"train", "dejavusansmonooblique", dejavusansmonooblique.TTF},
	{"train", "dejavusansmonobold", dejavusansmonobold.TTF},
	{"train", "dejavuserif", dejavuserif.TTF},
	{"train", "dejavuserifitalic", dejavuserifitalic.TTF},
	{"train", "dejavuserifbold", dejavuserifbold.TTF},
	{"train", "dejavuserifbolditalic", dejavuserifbolditalic.TTF},
	{"train", "dejavuserifcondensed", dejavuserifcondensed.TTF},
	{"train", "lmroman10regular", lmroman10regular.TTF},
	{"train", "lmroman10italic", lmroman10italic.TTF},
	{"train", "lmroman10bold", lmroman10bold.TTF},
	{"train", "lmroman10bolditalic", lmroman10bolditalic.TTF},
	{"train", "lmroman17regular", lmroman17regular.TTF},
	{"train", "lmromandunh10regular", lmromandunh10regular.TTF},
	{"train", "lmsans10regular", lmsans10regular.TTF},
	{"train", "lmsans10oblique", lmsans10oblique.TTF},
	{"train", "lmsans10bold", lmsans10bold.TTF},
	{"train", "lmsansdemicond10regular", lmsansdemicond10regular.TTF},
	{"train", "lmmono10regular", lmmono10regular.TTF},
	{"train", "lmmono10italic", lmmono10italic.TTF},
	{"train", "lmmonolt10bold", lmmonolt10bold.TTF},
	{"test", "liberationsansregular", liberationsansregular.TTF},
	{"test", "liberationsansitalic", liberationsansitalic.TTF},
	{"test", "liberationsansbold", liberationsansbold.TTF},
	{"test", "liberationsansbolditalic", liberationsansbolditalic.TTF},
	{"test", "liberationserifregular", liberationserifregular.TTF},
	{"test", "liberationserifitalic", liberationserifitalic.TTF},
	{"test", "liberationserifbold", liberationserifbold.TTF},
	{"test", "liberationserifbolditalic", liberationserifbolditalic.TTF},
	{"test", "liberationmonoregular", liberationmonoregular.TTF},
	{"test", "liberationmonoitalic", liberationmonoitalic.TTF},
	{"test", "liberationmonobold", liberationmonobold.TTF},
	{"test", "liberationmonobolditalic", liberationmonobolditalic.TTF},
	{"test", "stix2textregular", stix2textregular.TTF},
	{"test", "stix2textitalic", stix2textitalic.TTF},
	{"test", "stix2textbold", stix2textbold.TTF},
	{"test", "stix2textbolditalic", stix2textbolditalic.TTF},
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "# Outlines of letters; written by _faces, which tells the form. Licences: docs/glyphs.md.")
	for _, t := range typefaces {
		if err := write(out, t); err != nil {
			fmt.Fprintf(os.Stderr, "typeface %q: %v\n", t.name, err)
			os.Exit(1)
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the letters of a typeface.
func write(out *bufio.Writer, t typeface) error {
	font, err := sfnt.Parse(t.file)
	if err != nil {
		return err
	}
	var buffer sfnt.Buffer
	unit := fixed.I(int(font.UnitsPerEm()))
	for _, r := range letters {
		index, err := font.GlyphIndex(&buffer, r)
		if err != nil {
			return fmt.Errorf("letter %q: %w", r, err)
		}
		segments, err := font.LoadGlyph(&buffer, index, unit, nil)
		if err != nil {
			return fmt.Errorf("letter %q: %w", r, err)
		}
		fmt.Fprintf(out, "%s %s %c", t.split, t.name, r)
		for _, s := range segments {
			points := map[sfnt.SegmentOp]int{sfnt.SegmentOpMoveTo: 1, sfnt.SegmentOpLineTo: 1, sfnt.SegmentOpQuadTo: 2,
				sfnt.SegmentOpCubeTo: 3}[s.Op]
			fmt.Fprintf(out, " %c", "MLQC"[s.Op])
			for _, p := range s.Args[:points] {
				fmt.Fprintf(out, " %d %d", int(p.X), int(p.Y))
			}
		}
		fmt.Fprintln(out)
	}
	return nil
}
