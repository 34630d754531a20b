package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fault"
	"mgd3/report"
	"mgd3/rng"
	"mgd3/scores/ranking"
	"mgd3/sets"
	"mgd3/stage/atomicfile"
)

// Ranking is the scores of DD-Ranking for the sets of an [Evaluation]. Random sets are drawn anew for each seed.
type Ranking struct {
	*Evaluation
	Full         evaluate.TrainSet // all real images, of the classes of the sets; of them the random ones are drawn
	HardProtocol string            // of the trainings with hard labels; the Evaluation's has those of all others
	FullAccuracy float64           // of Full with hard labels, a share, if it is known; 0 trains on Full
	Rates        []string          // each tried, the best on the test images taken, as ddranking does; nil is the usual
	Weight       float64           // w of LRS
	Gamma        float64           // γ of ARS

	Ranked []Ranked
}

// Ranked are the scores of one set and network, by their seeds.
type Ranked struct {
	Set        string               `json:"set"`
	Net        string               `json:"net"`
	Accuracies []ranking.Accuracies `json:"accuracies"`
	Scores     []ranking.Scores     `json:"scores"`
}

// Check finds weights and accuracies that are none.
func (r *Ranking) Check() error {
	for name, share := range map[string]float64{"weight": r.Weight, "gamma": r.Gamma, "full-accuracy": r.FullAccuracy} {
		if !(share >= 0 && share <= 1) {
			return fault.Of(fault.Usage, fmt.Errorf("--%s is out of its range, want 0 to 1, or 100 %% of an accuracy",
				name))
		}
	}
	return nil
}

// Open opens the full set, and takes the usual protocol with hard labels if none is named; soft says whether the
// Evaluation's labels are soft. The caller closes Full.Images.
func (r *Ranking) Open(ctx context.Context, o *sets.Opener, full sets.Spec, soft bool) (err error) {
	if r.HardProtocol == "" {
		r.HardProtocol = r.Protocol
		if soft {
			r.HardProtocol = "hard"
		}
	}
	if r.Full.Images, err = o.Open(ctx, full); err == nil {
		err = evaluate.Match(r.Full.Images.ClassNames(), r.Evaluator.Test.ClassNames())
	}
	if err != nil {
		return fault.Of(fault.Input, fmt.Errorf("--real: %w", err))
	}
	return nil
}

// Do trains what the scores need, for each seed: on the set with hard labels, and with the protocol's labels with and
// without augmentation; on as many random images likewise; and on all images with hard labels.
func (r *Ranking) Do(ctx context.Context) error {
	if err := r.warnOfDuplicates(ctx); err != nil {
		return err
	}
	r.Evaluator.Teacher = r.teacher
	for _, set := range r.Sets {
		for _, net := range r.Nets {
			ranked := Ranked{Set: set.Name, Net: net}
			for i := range r.Repeat {
				a, err := r.accuracies(ctx, set, net, r.Seed+uint64(i))
				if err != nil {
					return fmt.Errorf("%s: %w", set.Name, err)
				}
				ranked.Accuracies = append(ranked.Accuracies, a)
				ranked.Scores = append(ranked.Scores, a.Of(r.Weight, r.Gamma))
			}
			r.Ranked = append(r.Ranked, ranked)
		}
	}
	return nil
}

// plain is the kind of trainings without augmentation.
const plain = "-plain"

// accuracies trains for one seed. Equal trainings are done once: the protocol's labels may be hard.
func (r *Ranking) accuracies(ctx context.Context, set *Judged, net string, seed uint64) (ranking.Accuracies, error) {
	random, err := r.random(set.Set.Images, seed)
	if err != nil {
		return ranking.Accuracies{}, err
	}
	a := ranking.Accuracies{Full: r.FullAccuracy}
	// HLR is of hard labels: soft ones that were published with a set are left out of it
	hard, hardKind := set.Set, ""
	if hard.Soft != nil {
		hard.Soft, hardKind = nil, "-hard"
	}
	randoms := evaluate.TrainSet{Images: random, IgnoreEXIF: r.Full.IgnoreEXIF}
	for _, t := range []struct {
		name, protocol string
		set            evaluate.TrainSet
		kind           string // in the names of folders, behind the protocol
		to             *float64
	}{
		{set.Name, r.HardProtocol, hard, hardKind, &a.Hard},
		{"full", r.HardProtocol, r.Full, "", &a.Full},
		{set.Name, r.Protocol, set.Set, "", &a.Set},
		{set.Name + "-random", r.Protocol, randoms, "", &a.Random},
		{set.Name, r.Protocol, set.Set, plain, &a.SetPlain},
		{set.Name + "-random", r.Protocol, randoms, plain, &a.RandomPlain},
	} {
		switch {
		case t.to == &a.Full && a.Full > 0:
			continue
		case t.to == &a.Set && r.Protocol == r.HardProtocol && set.Set.Soft == nil:
			a.Set = a.Hard
			continue
		}
		changes, kind := r.Changes, t.protocol+t.kind
		if t.kind == plain {
			changes = append(changes[:len(changes):len(changes)], "augment=false")
		}
		rates := r.Rates
		if t.to == &a.Full {
			rates = nil
		}
		if *t.to, err = r.train(ctx, t.name, net, kind, evaluate.Judge{Net: net, Protocol: t.protocol,
			Changes: changes}, t.set, seed, rates); err != nil {
			return a, fmt.Errorf("%s, %s: %w", t.name, kind, err)
		}
	}
	return a, nil
}

// train returns the accuracy that the protocol publishes, of the best rate.
func (r *Ranking) train(ctx context.Context, name, net, kind string, j evaluate.Judge, set evaluate.TrainSet,
	seed uint64, rates []string) (best float64, err error) {
	if rates == nil {
		rates = []string{""}
	}
	for _, rate := range rates {
		judge, folder := j, kind
		if rate != "" {
			judge.Changes = append(j.Changes[:len(j.Changes):len(j.Changes)], "rate="+rate)
			folder += "-rate" + rate
		}
		p, err := judge.For(evaluate.FactsOf(set.Images, net, r.Side))
		if err != nil {
			return 0, err
		}
		run, err := r.Evaluator.Run(ctx, net, p, set)
		if err != nil {
			return 0, err
		}
		run.Seed = seed
		if r.Out != "" {
			run.Dir = filepath.Join(r.Out, folderName(name), net, folder, fmt.Sprintf("seed-%d", seed))
		}
		if r.Report != nil {
			run.Report = func(e evaluate.Event) { r.Report(name+", "+folder, e) }
		}
		score, err := run.Do(ctx)
		if err != nil {
			return 0, err
		}
		best = max(best, score.Value())
	}
	return best, nil
}

// random draws as many real images of each class as the set has.
func (r *Ranking) random(like *dataset.Set, seed uint64) (*dataset.Set, error) {
	var classes []dataset.Class
	for i, class := range like.Classes {
		real := r.Full.Images.Classes[i]
		if len(real.Images) < len(class.Images) {
			return nil, fmt.Errorf("class %q: %w: %d real images to draw %d from", class.Name, evaluate.ErrData,
				len(real.Images), len(class.Images))
		}
		drawn := dataset.Class{Name: class.Name}
		order := rng.Stream(seed, "random", rng.Hash(class.Name)).Perm(len(real.Images))
		for _, row := range order[:len(class.Images)] {
			drawn.Images = append(drawn.Images, real.Images[row])
		}
		classes = append(classes, drawn)
	}
	o := dataset.LoadOptions{IgnoreEXIF: r.Full.IgnoreEXIF}
	return dataset.View("random", r.Full.Images, classes, o), nil
}

// Result is the scores as tables.
func (r *Ranking) Result() report.Result {
	out := report.Result{
		Title: fmt.Sprintf("DD-Ranking's scores on %s, protocol %s, hard labels by %s", r.Test, r.Protocol,
			r.HardProtocol),
		Notes: []string{
			"HLR is what all real images have beyond the set with hard labels (less is better), IOR what the set has " +
				"beyond as many random images, both in points; LRS and ARS are shares in %: 26.9 is a set with HLR " +
				"and IOR of 0.",
			r.deviation(),
		},
	}
	if r.FullAccuracy > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("The accuracy of all images, %.1f %%, is given, not measured.",
			100*r.FullAccuracy))
	}
	if r.Rates != nil {
		out.Notes = append(out.Notes, "The best rate was chosen on the test images for each training, as ddranking "+
			"does.")
	}
	for _, w := range r.Warnings {
		out.Notes = append(out.Notes, "Warning: "+w)
	}
	t := report.Table{Columns: []string{"HLR", "IOR", "LRS", "ARS"}, Unit: "points, %", Runs: r.Repeat > 1}
	a := report.Table{Title: "Accuracies they are of, %", Columns: []string{"full, hard", "set, hard", "set", "random",
		"set, plain", "random, plain"}}
	for _, ranked := range r.Ranked {
		row, of := report.Row{Name: ranked.Set + ", " + ranked.Net}, report.Row{Name: ranked.Set + ", " + ranked.Net}
		row.Cells, of.Cells = make([]report.Cell, 4), make([]report.Cell, 6)
		for i, s := range ranked.Scores {
			for j, v := range []float64{s.HLR, s.IOR, s.LRS, s.ARS} {
				row.Cells[j].Values = append(row.Cells[j].Values, 100*v)
			}
			acc := ranked.Accuracies[i]
			for j, v := range []float64{acc.Full, acc.Hard, acc.Set, acc.Random, acc.SetPlain, acc.RandomPlain} {
				of.Cells[j].Values = append(of.Cells[j].Values, 100*v)
			}
		}
		t.Rows, a.Rows = append(t.Rows, row), append(a.Rows, of)
	}
	out.Tables = []report.Table{t, a}
	return out
}

// Write writes the scores into the output folder, as ranking.json.
func (r *Ranking) Write() error {
	return atomicfile.Write(filepath.Join(r.Out, "ranking.json"), r.JSON)
}

// JSON writes the scores as one line.
func (r *Ranking) JSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(struct {
		Protocol string   `json:"protocol"`
		Hard     string   `json:"hard_protocol"`
		Changes  []string `json:"changes,omitempty"`
		Weight   float64  `json:"weight"`
		Gamma    float64  `json:"gamma"`
		Rates    []string `json:"rates,omitempty"`
		Ranked   []Ranked `json:"ranked"`
		Warnings []string `json:"warnings,omitempty"`
	}{r.Protocol, r.HardProtocol, r.Changes, r.Weight, r.Gamma, r.Rates, r.Ranked, r.Warnings})
}
