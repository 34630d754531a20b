package main

import (
	"encoding/json"
	"fmt"
	"time"

	"mgd3/distill"
	"mgd3/internal/terminal"
	"mgd3/stage"
)

// warn tells of settings that are hardly meant.
func (r *openRun) warn(o *options) {
	if o.sampling == nil {
		return
	}
	for _, w := range r.Settings.Sample.Warnings() {
		r.Report(stage.Event{Stage: distill.StageSample, Warning: w})
	}
}

// summary says what has come of a run; m is nil where other shards have yet to finish.
func (e *env) summary(out string, m *distill.Manifest) {
	switch {
	case e.json:
		_ = json.NewEncoder(e.stdout).Encode(struct {
			Out          string                `json:"out"`
			Complete     bool                  `json:"complete"`
			Distance     *distill.Distance     `json:"distance,omitempty"`
			ClusterSizes *distill.ClusterSizes `json:"masses,omitempty"`
		}{out, m != nil, distance(m), clusterSizesOf(m)})
	case e.quiet:
	case m == nil:
		fmt.Fprintf(e.stdout, "This shard is done; %s is not complete yet. The shard that completes it writes "+
			"the manifest;\nshards in folders of their own are put together by \"mgd3 merge\".\n", out)
	default:
		n := 0
		for _, class := range m.Classes {
			n += len(class.Images)
		}
		fmt.Fprintf(e.stdout,
			"distilled set    %s: %d images of %d classes\n", distill.ImagesDir(out), n, len(m.Classes))
		fmt.Fprintf(e.stdout, "to own mode      %.4g (mean distance of a synthetic latent)\n", m.Distance.Own)
		if m.Settings.Modes.IPC > 1 {
			fmt.Fprintf(e.stdout, "to other modes   %.4g (of the same class)\n", m.Distance.Others)
		}
		if sizes := m.ClusterSizes().String(); sizes != "" {
			fmt.Fprintf(e.stdout, "small modes      %s, of %d\n", sizes, m.ClusterSizes().Modes)
		}
		fmt.Fprintf(e.stdout, "look at it       mgd3 sheet --data SET %s\n", out)
	}
}

func distance(m *distill.Manifest) *distill.Distance {
	if m == nil {
		return nil
	}
	return &m.Distance
}

func clusterSizesOf(m *distill.Manifest) *distill.ClusterSizes {
	if m == nil {
		return nil
	}
	sizes := m.ClusterSizes()
	return &sizes
}

// modesSummary says what modes there are.
func (e *env) modesSummary(out string) error {
	m, err := distill.ReadClusterSizes(out)
	if err != nil {
		return err
	}
	switch {
	case e.json:
		return json.NewEncoder(e.stdout).Encode(m)
	case e.quiet:
	case m.String() == "":
		fmt.Fprintf(e.stdout, "modes            %d\n", m.Modes)
	default:
		fmt.Fprintf(e.stdout, "modes            %d: %v\n", m.Modes, m)
	}
	return nil
}

func (e *env) printPlan(p distill.Plan, seedEncodes bool) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(p)
	}
	fmt.Fprintf(e.stdout, `classes          %d
real images      %d to encode, %v each
latents on disk  %s
modes on disk    %s
synthetic images %d of %d steps (%d guided), %v a step with %d rows, %v to decode
estimate         %v on this machine, one image at a time
`, p.Classes, p.Real, fine(p.EncodeEach), terminal.Size(p.LatentBytes), terminal.Size(p.ModeBytes),
		p.Synthetic, p.Steps, p.Guided, fine(p.StepEach), p.Rows, fine(p.DecodeEach), terminal.Short(p.Estimate()))
	if seedEncodes {
		fmt.Fprintf(e.stdout, "seeds            images are encoded with --seed, as the released program does: a "+
			"set of another seed encodes its %d again, %v; --encode-seed N shares them\n",
			p.Real, terminal.Short(time.Duration(p.Real)*p.EncodeEach))
	}
	return nil
}

func fine(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
