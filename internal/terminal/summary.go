package terminal

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"mgd3/distill"
)

// Summary is what has come of a run.
type Summary struct {
	Out          string                `json:"out"`
	Complete     bool                  `json:"complete"`
	Images       int                   `json:"images,omitempty"` // that are there, where it is not complete
	Of           int                   `json:"of,omitempty"`     // so many that there will be
	Distance     *distill.Distance     `json:"distance,omitempty"`
	ClusterSizes *distill.ClusterSizes `json:"masses,omitempty"`

	manifest *distill.Manifest
}

// Summarize returns what has come of the run in a folder; m is nil where other shards have yet to finish.
func Summarize(ctx context.Context, out string, m *distill.Manifest) Summary {
	s := Summary{Out: out, Complete: m != nil, manifest: m}
	if m == nil { // what cannot be counted stays 0: the work is done, and a run that goes on says what is wrong
		s.Images, _ = distill.Present(ctx, out)
		s.Of, _ = distill.Planned(out)
	}
	if m != nil {
		sizes := m.ClusterSizes()
		s.Distance, s.ClusterSizes = &m.Distance, &sizes
	}
	return s
}

// Text shows it to people.
func (s Summary) Text(w io.Writer) error {
	m := s.manifest
	if m == nil {
		_, err := fmt.Fprintf(w, "This part is done; %s is not complete yet: %d of %d images are there. The shard "+
			"that completes it writes the manifest;\nshards in folders of their own are put together by \"mgd3 "+
			"merge\".\n", s.Out, s.Images, s.Of)
		return err
	}
	n := 0
	for _, class := range m.Classes {
		n += len(class.Images)
	}
	fmt.Fprintf(w, "distilled set    %s: %d images of %d classes\n", distill.ImagesDir(s.Out), n, len(m.Classes))
	if m.Merged != nil {
		sets := "sets"
		if len(m.Merged) == 1 {
			sets = "set"
		}
		fmt.Fprintf(w, "put together of  %d %s; the manifest has what is from where\n", len(m.Merged), sets)
	}
	if m.Merged == nil || m.Distance.Own > 0 {
		fmt.Fprintf(w, "to own mode      %.4g (mean distance of a synthetic latent)\n", m.Distance.Own)
	}
	if m.Settings.Modes.IPC > 1 {
		fmt.Fprintf(w, "to other modes   %.4g (of the same class)\n", m.Distance.Others)
	}
	if sizes := s.ClusterSizes.String(); sizes != "" {
		fmt.Fprintf(w, "small modes      %s, of %d\n", sizes, s.ClusterSizes.Modes)
	}
	if taken, all := m.Taken(); all > 0 {
		fmt.Fprintf(w, "teacher          takes every candidate for another class of %d of %d images: the likeliest is "+
			"kept\n", taken, all)
	}
	if away := m.Runaways().String(); away != "" {
		fmt.Fprintf(w, "ran away         %s\n", away)
	}
	_, err := fmt.Fprintf(w, "look at it       mgd3 sheet --data SET %s\n", s.Out)
	return err
}

// WriteModes shows how many modes there are, and how many of them stand for next to nothing.
func WriteModes(w io.Writer, m distill.ClusterSizes) error {
	text := fmt.Sprintf("modes            %d", m.Modes)
	if m.String() != "" {
		text += ": " + m.String()
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// WritePlan shows what a run will do. seedEncodes says that its images are encoded with the seed of the noise.
func WritePlan(w io.Writer, p distill.Plan, seedEncodes bool) error {
	draws := ""
	if p.Draws > 1 {
		draws = fmt.Sprintf("%d draws each, ", p.Draws)
	}
	_, err := fmt.Fprintf(w, `classes          %d
real images      %s to encode, %v each
latents on disk  %s
modes on disk    %s
synthetic images %s to sample, %s%d steps (%d guided), %v a step with %d rows, %v to decode
estimate         %v on this machine, one image at a time
`, p.Classes, left(p.Real, p.Encoded), fine(p.EncodeEach), Size(p.LatentBytes), Size(p.ModeBytes),
		left(p.Synthetic, p.Sampled), draws, p.Steps, p.Guided, fine(p.StepEach), p.Rows, fine(p.DecodeEach),
		Short(p.Estimate()))
	if seedEncodes {
		_, err = fmt.Fprintf(w, "seeds            images are encoded with --seed, as the released program does: a "+
			"set of another seed encodes its %d again, %v; --encode-seed N shares them\n", p.Real,
			Short(time.Duration(p.Real)*p.EncodeEach))
	}
	return err
}

// left says how many are to be made, of how many if some are there already.
func left(all, there int) string {
	if there == 0 {
		return strconv.Itoa(all)
	}
	return fmt.Sprintf("%d of %d", all-there, all)
}

// fine rounds the time of one image.
func fine(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
