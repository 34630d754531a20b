package export

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// row is what Hugging Face's datasets writes of its features Image and ClassLabel, all of it optional.
type row struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional"`
		Path  string `parquet:"path,optional"`
	} `parquet:"image,optional"`
	Label *int64 `parquet:"label,optional"` // a 0 of int64 would be none
}

// rowsPerGroup is what datasets gives to images, so that one can be read without many others.
const rowsPerGroup = 100

// parquet writes one file, or with a card a folder of both, as the hub has it. A row's path is the image's file in the
// manifest.
func (s *set) parquet(ctx context.Context, out string, o Options) error {
	if o.Card != nil {
		card, err := s.card(*o.Card, "train-*.parquet", true)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(out, cardName), card); err != nil {
			return err
		}
		out = filepath.Join(out, "train-00000-of-00001.parquet")
	}
	features, err := json.Marshal(s.features())
	if err != nil {
		return err
	}
	return atomicfile.Write(out, func(w io.Writer) error {
		p := parquet.NewGenericWriter[row](w,
			parquet.CreatedBy("mgd3", stage.Version, ""),
			parquet.MaxRowsPerRowGroup(rowsPerGroup),
			parquet.SkipPageBounds("image", "bytes"), // would repeat whole images
			parquet.KeyValueMetadata("huggingface", string(features)),
			parquet.KeyValueMetadata("mgd3", string(s.manifest)),
		)
		for im, err := range s.images(ctx) {
			if err != nil {
				return err
			}
			label := int64(im.class)
			r := row{Label: &label}
			r.Image.Bytes, r.Image.Path = im.data, im.file
			// one by one: the writer holds a group of rows, not the set
			if _, err := p.Write([]row{r}); err != nil {
				return err
			}
		}
		return p.Close()
	})
}

// features says to datasets, and to the hub's viewer, what the columns are.
func (s *set) features() any {
	type feature struct {
		Names []string `json:"names,omitempty"`
		Type  string   `json:"_type"`
	}
	var f struct {
		Info struct {
			Features struct {
				Image feature `json:"image"`
				Label feature `json:"label"`
			} `json:"features"`
		} `json:"info"`
	}
	f.Info.Features.Image = feature{Type: "Image"}
	f.Info.Features.Label = feature{Names: s.classNames(), Type: "ClassLabel"}
	return f
}
