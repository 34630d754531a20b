package compare

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/report"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// Comparison is what networks learn from the sets of all methods. It holds no times and no paths of the machine, so
// equal calls give equal bytes.
type Comparison struct {
	Format   int    `json:"format"`
	Version  string `json:"version"`
	Complete bool   `json:"complete"` // all trainings are over

	Protocol string            `json:"protocol"` // the preset
	Changes  []string          `json:"changes,omitempty"`
	Nets     []string          `json:"nets"`
	IPCs     []int             `json:"ipcs"`
	Methods  []baseline.Method `json:"methods"`
	Sets     int               `json:"sets"` // of each method and number of images

	// the same for all sets, and compared with what is in the folder: another record is another comparison
	Made comparisonRecord `json:"made"`

	Cells []Cell `json:"cells"`
}

// comparisonFormat counts the changes that older readers would not survive.
const comparisonFormat = 1

// comparisonRecord is what all sets are made with, settings.json in the output folder.
type comparisonRecord struct {
	Settings    distill.Settings `json:"settings"` // images per class and the seed of the noise are the set's
	Classes     []string         `json:"classes"`
	Real        int              `json:"real"` // images that the sets are made of
	Test        int              `json:"test"` // images that the networks are tested on
	Autoencoder string           `json:"autoencoder,omitempty"`
	Denoiser    string           `json:"denoiser,omitempty"`
	Backend     string           `json:"backend"`
	SeedEncodes bool             `json:"seed_encodes,omitempty"` // every set has latents of its own seed
}

// Cell is the trainings of one network on the sets of one method and one number of images.
type Cell struct {
	Net      string            `json:"net"`
	Method   baseline.Method   `json:"method"`
	IPC      int               `json:"ipc"`    // of full that of its largest class
	Images   int               `json:"images"` // of a set
	Protocol evaluate.Protocol `json:"protocol"`
	Runs     []Outcome         `json:"runs"` // by their seeds
}

// Outcome is one training.
type Outcome struct {
	Seed      uint64    `json:"seed"` // of the training, and of the set where it has one
	Last      float64   `json:"last"` // accuracy on the test images after the last epoch, 0 to 1
	Best      float64   `json:"best"` // the best of all validated epochs: chosen on the test images
	BestEpoch int       `json:"best_epoch"`
	PerClass  []float64 `json:"per_class"` // accuracy of each class after the last epoch
	Weights   string    `json:"weights"`   // SHA-256 of the trained net

	confusion [][]int // of what the protocol publishes; nil where it was read from result.json
}

func (o *Options) comparisonRecord() comparisonRecord {
	c := comparisonRecord{Settings: o.Settings, Classes: o.Train.ClassNames(), Backend: o.Engine.Name(),
		SeedEncodes: o.SeedEncodes}
	// both are each set's own, and in its cell
	c.Settings.Modes.IPC, c.Settings.Sample.Seed = 0, 0
	for i := range c.Classes {
		c.Real += len(o.Train.Classes[i].Images)
		c.Test += len(o.Test.Classes[i].Images)
	}
	if o.Autoencoder != nil {
		c.Autoencoder = o.Autoencoder.SHA256
	}
	if o.Denoiser != nil {
		c.Denoiser = o.Denoiser.Hash()
	}
	return c
}

// newComparison has no cells yet.
func (o *Options) newComparison() *Comparison {
	return &Comparison{
		Format: comparisonFormat, Version: stage.Version, Protocol: o.Protocol, Changes: o.Changes,
		Nets: o.Nets, IPCs: o.IPCs, Methods: o.rows(), Sets: o.Sets, Made: o.comparisonRecord(), Cells: []Cell{},
	}
}

// add takes a score in.
func (c *Comparison) add(j job, s *evaluate.Score) {
	i := slices.IndexFunc(c.Cells, func(cell Cell) bool {
		return cell.Net == j.net && cell.Method == j.set.Method &&
			(cell.IPC == j.set.IPC || j.set.Method == baseline.Full)
	})
	if i < 0 {
		i = len(c.Cells)
		ipc := j.set.IPC
		// classes of all real images may differ in size: the mean, rounded down
		if j.set.Method == baseline.Full {
			ipc = s.Images / len(s.Classes)
		}
		c.Cells = append(c.Cells, Cell{Net: j.net, Method: j.set.Method, IPC: ipc, Images: s.Images,
			Protocol: s.Protocol})
	}
	confusion, _ := s.Confused()
	c.Cells[i].Runs = append(c.Cells[i].Runs, Outcome{s.Seed, s.Last, s.Best, s.BestEpoch, s.PerClass, s.Weights,
		confusion})
}

// Cell returns the trainings of a net on the sets of a method, or nil if there are none yet. Those of full
// are the same for every number of images.
func (c *Comparison) Cell(net string, ipc int, m baseline.Method) *Cell {
	for i := range c.Cells {
		if cell := &c.Cells[i]; cell.Net == net && cell.Method == m && (cell.IPC == ipc || m == baseline.Full) {
			return cell
		}
	}
	return nil
}

// Accuracies returns the accuracies of a cell's trainings in percent, evaluate.Last or evaluate.Best of them.
func (c *Cell) Accuracies(which string) []float64 {
	var values []float64
	for _, run := range c.Runs {
		v := run.Last
		if which == evaluate.Best {
			v = run.Best
		}
		values = append(values, 100*v)
	}
	return values
}

// Table returns the accuracies of a net in percent, evaluate.Last or evaluate.Best: a row for each method, a column for
// each number of images.
func (c *Comparison) Table(net, which string) report.Table {
	t := report.Table{Unit: "accuracy, %"}
	title := map[string]string{
		evaluate.Last: "accuracy at the end of the training",
		evaluate.Best: "best accuracy on the test images in the course of the training, which selects on them",
	}
	t.Title = fmt.Sprintf("%s, protocol %s: %s, %%", net, c.protocolName(net), title[which])
	for _, ipc := range c.IPCs {
		t.Columns = append(t.Columns, fmt.Sprintf("IPC %d", ipc))
	}
	for _, m := range c.Methods {
		row := report.Row{Name: string(m)}
		for _, ipc := range c.IPCs {
			cell := report.Cell{Values: []float64{}}
			if found := c.Cell(net, ipc, m); found != nil {
				cell.Values = found.Accuracies(which)
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// protocolName is the name of the protocol with its changes, and the size at which it looks at images with a net.
func (c *Comparison) protocolName(net string) string {
	i := slices.IndexFunc(c.Cells, func(cell Cell) bool { return cell.Net == net })
	if i < 0 {
		return c.Protocol
	}
	p := c.Cells[i].Protocol
	return fmt.Sprintf("%s at %d pixels", p.Name, p.Size)
}

// Tables returns the tables of all nets, first of each the accuracy that the protocol publishes, then, where the nets
// were tested more often than once, the other.
func (c *Comparison) Tables() []report.Table {
	if len(c.Cells) == 0 {
		return nil
	}
	p := c.Cells[0].Protocol // the others differ from it in what hangs on the net and the number of images
	shown := []string{evaluate.Last, evaluate.Best}
	switch {
	// Tested once, at the end: last and best are the same number.
	case p.Validation.After+p.Validation.Every >= p.Epochs:
		shown = shown[:1]
	case p.Publish == evaluate.Best:
		slices.Reverse(shown)
	}
	var tables []report.Table
	for _, net := range c.Nets {
		for _, which := range shown {
			tables = append(tables, c.Table(net, which))
		}
	}
	return tables
}

// Result returns the comparison as it is shown to people.
func (c *Comparison) Result() report.Result {
	r := report.Result{Title: "What networks learn from distilled sets, and from others", Tables: c.Tables()}
	r.Notes = append(r.Notes, fmt.Sprintf("%d classes. The sets are made of %d real images, the networks tested on "+
		"%d others. %s.",
		len(c.Made.Classes), c.Made.Real, c.Made.Test, c.repeats()))
	if pairs := c.pairTables(); pairs != nil {
		r.Tables, r.Notes = append(r.Tables, pairs...), append(r.Notes, pairsNote)
	}
	if !c.Complete {
		r.Notes = append(r.Notes, "Some trainings are still to come.")
	}
	r.Confusions = c.confusions()
	if len(c.IPCs) > 1 {
		for _, net := range c.Nets {
			r.Plots = append(r.Plots, c.plot(net))
		}
	}
	return r
}

// confusions are the matrices of each cell, over its trainings.
func (c *Comparison) confusions() (list []report.Confusion) {
	for _, cell := range c.Cells {
		var matrices [][][]int
		for _, run := range cell.Runs {
			// runs that were read from result.json have none
			if len(run.confusion) == len(c.Made.Classes) {
				matrices = append(matrices, run.confusion)
			}
		}
		if matrices != nil {
			list = append(list, report.NewConfusion(cell.title(), c.Made.Classes, matrices...))
		}
	}
	return list
}

// repeats says what the standard deviations in the tables are of.
func (c *Comparison) repeats() string {
	if c.Sets == 1 {
		return "One set of each method is trained on once: there is no ±, and two trainings of one set may differ by " +
			"2 points"
	}
	s := fmt.Sprintf("%d sets of each method are trained on once each, with a seed of its own: mean ± standard "+
		"deviation of the population", c.Sets)
	var fixed []string
	for _, m := range c.Methods {
		if m != baseline.Full && !m.Seeded() && !c.Made.SeedEncodes {
			fixed = append(fixed, string(m))
		}
	}
	if c.Made.SeedEncodes {
		s += ". The images were encoded anew for each seed, mirrored by chance, as in the released programs"
	}
	if fixed != nil {
		s += ". Nothing is left to chance in " + strings.Join(fixed, ", ") + ": there only the trainings differ"
	}
	if slices.Contains(c.Methods, baseline.Full) {
		s += ". full is trained on once"
	}
	return s
}

// plot is the published accuracy of a net over the number of images.
func (c *Comparison) plot(net string) report.Plot {
	p := report.Plot{Title: net, X: "images per class", Y: "accuracy, %"}
	for _, m := range c.Methods {
		line := report.Line{Name: string(m)}
		for _, ipc := range slices.Sorted(slices.Values(c.IPCs)) {
			cell := c.Cell(net, ipc, m)
			if cell == nil {
				continue
			}
			// of the population, as published tables have it
			mean, std := report.Cell{Values: cell.Accuracies(cell.Protocol.Publish)}.MeanStd()
			line.X, line.Y, line.Err = append(line.X, float64(ipc)), append(line.Y, mean), append(line.Err, std)
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// write writes the comparison, as much as there is of it.
func (c *Comparison) write(dir string) error {
	if err := atomicfile.WriteJSON(filepath.Join(dir, "result.json"), c); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "table.txt"),
		func(w io.Writer) error { return report.Text(w, c.Result()) })
}

// WritePage writes report.html beside the scores.
func (c *Comparison) WritePage(ctx context.Context, o Options) (path string, err error) {
	r := c.Result()
	o.nameCommands(c, &r)
	path = filepath.Join(o.ProtocolDir(), "report.html")
	return path, WritePage(ctx, o, r, path)
}
