package terminal

import (
	"fmt"
	"io"

	"mgd3/weights"
	"mgd3/weights/hub"
)

// WriteContents shows what is in a weights file.
func WriteContents(to io.Writer, c *weights.Contents) error {
	w := columns(to)
	for _, s := range c.Parts {
		fmt.Fprintln(w, partLine(s))
	}
	for _, t := range c.Tensors {
		if t.Fault != "" {
			fmt.Fprintf(w, "%s\tcannot be read\t%v\t%s\n", Printable(t.Name), t.Shape, Printable(t.Fault))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%v\n", Printable(t.Name), t.DType, t.Shape)
	}
	if err := w.Flush(); err != nil || c.PartsAlone {
		return err
	}
	_, err := fmt.Fprintf(to, "%d tensors, %d numbers\n", len(c.Tensors), c.Numbers)
	return err
}

// partLine describes one of the sets of weights in a checkpoint.
func partLine(s weights.Section) string {
	kind := "weights"
	if s.Average {
		kind = "running average"
	}
	taken := ""
	if s.Taken {
		taken = ", taken: its tensors are"
	}
	return fmt.Sprintf("part %q\t%d tensors\t%s%s", s.Name, s.Tensors, kind, taken)
}

// WriteKnown shows what has a name on the hub.
func WriteKnown(to io.Writer, list []hub.Known) error {
	w := columns(to)
	fmt.Fprintln(w, "name\tfor\tabout\twhat\tfrom\tlicence")
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, k.Flag, k.Size, k.Title, k.Repo.ID, k.Terms())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(to, "\nFiles are held against the hub's own hashes: SHA-256, or git's SHA-1 for small ones.")
	return err
}
