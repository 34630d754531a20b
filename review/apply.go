package review

import (
	"context"
	"fmt"
	"io"

	"mgd3/distill"
)

// Applied is the set that was written of decisions.
type Applied struct {
	Out string `json:"out"`
	*distill.Reviewed
}

// Apply writes the set that was decided on, see [Journal.Write]; warn is told of what is to be known of it.
func Apply(ctx context.Context, set, out string, warn func(text string)) (a Applied, err error) {
	j, cut, err := OpenJournal(set)
	if err != nil {
		return a, err
	}
	defer j.Close()
	WarnCut(cut, warn)
	notes, err := j.Write(ctx, out)
	if err != nil {
		return a, err
	}
	for _, note := range notes {
		warn(note)
	}
	m, err := distill.ReadManifest(out)
	if err != nil {
		return a, err
	}
	return Applied{out, m.Reviewed}, nil
}

// WarnCut tells that so many bytes of a decision were cut off a journal, see [OpenJournal].
func WarnCut(cut int, warn func(text string)) {
	if cut > 0 {
		warn(fmt.Sprintf("a decision that was not finished, of %d bytes, was cut off the journal", cut))
	}
}

// Text says it in a line.
func (a Applied) Text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d of %d images, %d replaced, %d kept by decision\n", a.Out,
		a.Images-len(a.Rejected), a.Images, a.Replaced, a.Kept)
	return err
}
