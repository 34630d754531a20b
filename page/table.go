package page

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"

	"github.com/parquet-go/parquet-go"

	"mgd3/stage/atomicfile"
)

// entry is a row of the table: what the page shows of an image, for programs that explore tables of images. image and
// label are as Hugging Face's datasets has them. What is not known is null.
type entry struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional"`
		Path  string `parquet:"path,optional"`
	} `parquet:"image,optional"`
	Label      *int64   `parquet:"label,optional"`
	Class      string   `parquet:"class"`
	Set        string   `parquet:"set"` // which of the sets
	Mode       int64    `parquet:"mode"`
	Real       int64    `parquet:"mode_size"`           // real images of the mode; 0 is not known
	X          *float64 `parquet:"x,optional"`          // on the map of the class
	Y          *float64 `parquet:"y,optional"`          //
	Own        *float64 `parquet:"distance,optional"`   // from the image's latent to its mode
	NearD      *float64 `parquet:"near,optional"`       // to the nearest real image, grey levels
	Percentile *float64 `parquet:"percentile,optional"` // of that among real images, 0 … 100
	Nearest    *string  `parquet:"nearest,optional"`    // its name
	Flags      []string `parquet:"flags,list"`          // the kinds of findings that name the image
}

// WriteTable writes a row for each image of the sets to a Parquet file: the picture, its label, mode, place on the map,
// distances, and what was found about it. It returns how many.
func WriteTable(ctx context.Context, o Options, out string) (rows int, err error) {
	if len(o.Sources) == 0 {
		return 0, errors.New("there is no set to make a table of")
	}
	g, err := gather(ctx, o)
	if err != nil {
		return 0, err
	}
	features, err := json.Marshal(map[string]any{"info": map[string]any{"features": g.features()}})
	if err != nil {
		return 0, err
	}
	flags := g.flags()
	err = atomicfile.Write(out, func(w io.Writer) error {
		rows = 0
		p := parquet.NewGenericWriter[entry](w, parquet.CreatedBy("mgd3", "", ""), parquet.MaxRowsPerRowGroup(100),
			parquet.SkipPageBounds("image", "bytes"), // would repeat whole images
			parquet.KeyValueMetadata("huggingface", string(features)))
		for s := range g.Sources {
			for c := range g.Classes {
				n, err := g.table(ctx, p, s, c, flags)
				if err != nil {
					return err
				}
				rows += n
			}
		}
		return p.Close()
	})
	return rows, err
}

// table writes the rows of the c-th class of the s-th set, and returns how many. Findings and neighbours are known of
// the first set alone; the places on the map are those of the first set's axes for all.
func (g *gathered) table(ctx context.Context, p *parquet.GenericWriter[entry], s, c int,
	flags map[[2]string][]string) (n int, err error) {
	class, source := g.Classes[c], g.Sources[s]
	label, of := int64(c), madeOf(source.Manifest, class.Name)
	slots, marks := map[string]Slot{}, map[int]Mark{}
	for _, slot := range class.Slots {
		slots[slot.Images[s]] = slot
	}
	if class.Map != nil {
		for _, mark := range class.Map.Sets[s] {
			marks[mark.Slot] = mark
		}
	}
	for i, ref := range source.Images.Classes[c].Images {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		e := entry{Label: &label, Class: class.Name, Set: source.Name, Flags: []string{}}
		if e.Image.Bytes, err = source.Images.Read(ref); err != nil {
			return n, err
		}
		e.Image.Path = path.Join(class.Name, ref.Name)
		made, known := of[ref.Name]
		if e.Mode = int64(i); known {
			e.Mode, e.Real, e.Own = int64(made.Mode), made.ClusterSize, &made.Distance.Own
		}
		if mark, known := marks[slots[ref.Name].Place]; known {
			e.X, e.Y = &mark.At[0], &mark.At[1]
		}
		if s == 0 {
			if near := slots[ref.Name].Near; near != nil {
				e.NearD, e.Percentile, e.Nearest = &near.D, &near.Percentile, &near.Name.Name
			}
			e.Flags = append(e.Flags, flags[[2]string{class.Name, ref.Name}]...)
		}
		if _, err := p.Write([]entry{e}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// flags are the kinds of findings about images of the first set, by class and name, each once.
func (g *gathered) flags() map[[2]string][]string {
	of := map[[2]string][]string{}
	add := func(class, name, kind string) {
		at := [2]string{class, name}
		if have := of[at]; len(have) == 0 || have[len(have)-1] != kind {
			of[at] = append(have, kind)
		}
	}
	for _, check := range g.Findings.Checks {
		for _, item := range check.Items {
			if item.Image.Set == "set" {
				add(item.Image.Class, item.Image.Name, string(check.Kind))
			}
			if item.Other != nil && item.Other.Set == "set" {
				add(item.Other.Class, item.Other.Name, string(check.Kind))
			}
		}
	}
	return of
}

// features says to Hugging Face's datasets what the columns are, as datasets.Features has it in JSON. It must name all
// columns of [entry], with their types: datasets refuses a file in which they differ.
func (g *gathered) features() map[string]any {
	value := func(kind string) map[string]any { return map[string]any{"dtype": kind, "_type": "Value"} }
	names := make([]string, len(g.Classes))
	for i, c := range g.Classes {
		names[i] = c.Name
	}
	f := map[string]any{"image": map[string]any{"_type": "Image"},
		"label": map[string]any{"names": names, "_type": "ClassLabel"},
		"flags": map[string]any{"feature": value("string"), "_type": "List"}}
	for kind, columns := range map[string][]string{"string": {"class", "set", "nearest"},
		"int64": {"mode", "mode_size"}, "float64": {"x", "y", "distance", "near", "percentile"}} {
		for _, name := range columns {
			f[name] = value(kind)
		}
	}
	return f
}
