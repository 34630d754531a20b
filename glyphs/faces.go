package glyphs

import (
	_ "embed"
	"sync"
)

//go:generate sh -c "go run -C _faces . >faces.new && mv faces.new faces.txt"

// outlines has the letters of 49 typefaces in 210 kB; their fonts have 13 MB.
//
//go:embed faces.txt
var outlines string

// The typefaces that train draws with are of the families Go, DejaVu and Latin Modern; those of test of Liberation
// and STIX Two, of which training sees nothing. Both have sans, serif and mono, upright, italic and bold. Each is
// read once, at the first image.
var faces = map[string]func() ([]face, error){
	"train": sync.OnceValues(func() ([]face, error) { return readFaces(outlines, "train") }),
	"test":  sync.OnceValues(func() ([]face, error) { return readFaces(outlines, "test") }),
}
