package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/stat"

	"mgd3/distill"
	"mgd3/stage"
)

// cardName is the dataset card, as the Hugging Face hub has it.
const cardName = "README.md"

// Card is what people say of a set that its manifest does not. What is empty is said to be not stated.
type Card struct {
	Title         string // "" takes the folder's name
	Source        string // the real images: their name or address
	SourceLicence string
	Model         string // the networks that made the set
	ModelLicence  string
	Licence       string // of the set, by the hub's short names (cc-by-4.0, …); "" is other
	Scores        string // scores.json of evaluate, whose table is in the card
}

// card returns the card; data is the pattern of its files, and features are set where these do not say them.
func (s *set) card(c Card, data string, parquet bool) ([]byte, error) {
	// The head of the card is YAML, which the hub reads: names of classes and titles may have anything in them.
	quoted := func(v string) string { b, _ := json.Marshal(v); return string(b) } // a string of JSON is one of YAML
	stated := func(v string) string {
		if v == "" {
			return "not stated"
		}
		return v
	}
	title := c.Title
	if title == "" {
		title = filepath.Base(s.dir)
	}
	licence := c.Licence
	if licence == "" {
		licence = "other"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\npretty_name: %s\nlicense: %s\n", quoted(title), quoted(licence))
	fmt.Fprintf(&b, "task_categories:\n- image-classification\ntags:\n- dataset-distillation\n- synthetic\n- mgd3\n")
	// The fields of the hub's dataset cards; all but the last are searched for there.
	fmt.Fprintf(&b, "size_categories:\n- %s\n", sizeCategory(s.count()))
	fmt.Fprintf(&b, "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: %s\n", quoted(data))
	// Files of images alone do not name their features: there the hub takes the folders' names for the classes.
	if parquet {
		fmt.Fprintf(&b, "dataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n"+
			"      class_label:\n        names:\n")
		for i, name := range s.classNames() {
			fmt.Fprintf(&b, "          '%d': %s\n", i, quoted(name))
		}
	}
	fmt.Fprintf(&b, "---\n\n# %s\n\n%d images of %d classes, made by mgd3 %s.\n\n", title, s.count(), len(s.classes),
		stage.Version)
	fmt.Fprintf(&b, "| | |\n|---|---|\n| real images | %s; licence: %s |\n| networks | %s; licence: %s |\n",
		stated(c.Source), stated(c.SourceLicence), stated(c.Model), stated(c.ModelLicence))
	// Without a denoiser the set is a baseline of real images, or was imported: there is no method to tell of.
	if m, err := distill.ReadManifest(s.dir); err == nil && m.Denoiser != "" {
		o := m.Settings
		modes := fmt.Sprintf("modes by %s, %d a class", o.Modes.Method, o.Modes.IPC)
		if m.Merged != nil {
			modes = fmt.Sprintf("put together from %d sets, or a part of one; modes by %s", len(m.Merged),
				cmp.Or(string(o.Modes.Method), "several methods"))
		}
		fmt.Fprintf(&b, "| method | %s; seed %d; guided by λ = %v to step %d |\n", modes, o.Sample.Seed,
			o.Sample.Lambda, o.Sample.Stop)
		fmt.Fprintf(&b, "| autoencoder, SHA-256 | `%s` |\n| denoiser, SHA-256 | `%s` |\n", m.Autoencoder, m.Denoiser)
	}
	fmt.Fprintf(&b, "\n`manifest.json`, or the metadata key `mgd3` of Parquet, has every setting, and the hash, "+
		"mode and "+
		"mass of every image.\n")
	if c.Scores != "" {
		table, err := scoreTable(c.Scores)
		if err != nil {
			return nil, err
		}
		b.WriteString(table)
	}
	return b.Bytes(), nil
}

// sizeCategory is the hub's word for a number of rows.
func sizeCategory(n int) string {
	for _, c := range []struct {
		below int
		name  string
	}{{1_000, "n<1K"}, {10_000, "1K<n<10K"}, {100_000, "10K<n<100K"}, {1_000_000, "100K<n<1M"}} {
		if n < c.below {
			return c.name
		}
	}
	return "1M<n<10M"
}

// scoreTable reads the scores that evaluate wrote.
func scoreTable(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	// what is used of the file, as docs/schemas has it; scores are [network][training]
	var scores struct {
		Sets []struct {
			Name   string `json:"name"`
			Scores [][]struct {
				Net      string `json:"net"`
				Seed     uint64 `json:"seed"`
				Protocol struct {
					Name    string `json:"name"`
					Size    int    `json:"size"`
					Publish string `json:"publish"`
				} `json:"protocol"`
				Last, Best float64
			} `json:"scores"`
		} `json:"sets"`
	}
	if err := json.Unmarshal(data, &scores); err != nil || len(scores.Sets) == 0 {
		return "", fmt.Errorf("%q: not the scores.json of evaluate: %w", file, stage.ErrDamaged)
	}
	var b strings.Builder
	b.WriteString("\n## Scores\n\nAccuracy in % on real images; ± is the population standard deviation over " +
		"trainings of " +
		"the one set. The best of a training is chosen on the test images.\n\n" +
		"| set | network | protocol | trainings | last | best |\n|---|---|---|---:|---:|---:|\n")
	for _, set := range scores.Sets {
		for _, runs := range set.Scores {
			var last, best []float64
			for _, s := range runs {
				last, best = append(last, 100*s.Last), append(best, 100*s.Best)
			}
			// a network that is not trained yet
			if len(runs) == 0 {
				continue
			}
			// the trainings of a network differ in their seeds alone
			p := runs[0].Protocol
			cells := []string{set.Name, runs[0].Net, fmt.Sprintf("%s at %d pixels, publishes %s", p.Name, p.Size,
				p.Publish),
				fmt.Sprint(len(runs)), plusMinus(last), plusMinus(best)}
			for i := range cells {
				// a bar ends a cell in Markdown, in the name of a set too
				cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
	}
	return b.String(), nil
}

// plusMinus is a mean and, of several values, their deviation.
func plusMinus(values []float64) string {
	mean, std := stat.PopMeanStdDev(values, nil)
	if len(values) == 1 {
		return fmt.Sprintf("%.1f", mean)
	}
	return fmt.Sprintf("%.1f ± %.1f", mean, std)
}
