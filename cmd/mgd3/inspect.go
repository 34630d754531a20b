package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/terminal"
	"mgd3/internal/words"
	"mgd3/stage"
	"mgd3/weights"
)

func (e *env) inspectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE|DIR",
		Short: "Show what is in a weights file, or in a distilled set's manifest",
		Example: `  mgd3 inspect pets-model/dit/model.safetensors
  mgd3 inspect pets-10`,
		Long: `Shows the tensors of a weights file. A checkpoint of a training may hold several sets of weights, its parts: a
network and its running average, say. The part that commands take is marked; FILE#PART takes another one, here and in
every command that takes weights.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if m, err := distill.ReadManifest(args[0]); err == nil {
				return e.inspectManifest(m)
			} else if _, found := os.Stat(args[0]); found == nil && (isRun(args[0]) || errors.Is(err, stage.ErrDamaged)) {
				return fail(exitInput, manifestHint(err), err)
			}
			return e.inspectWeights(cmd.Context(), args[0])
		},
	}
}

// isRun reports whether dir looks like a run's output folder.
func isRun(dir string) bool {
	_, err := os.Stat(distill.ImagesDir(dir))
	return err == nil
}

func (e *env) inspectManifest(m *distill.Manifest) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(m)
	}
	settings, err := json.MarshalIndent(m.Settings, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "made by      mgd3 %s on backend %s\nautoencoder  SHA-256 %s\ndenoiser     SHA-256 "+
		"%s\ndistance     %.4g to the own mode, %.4g to the others of the class\nsettings     %s\n\n",
		terminal.Printable(m.Version), terminal.Printable(m.Backend), terminal.Printable(m.Autoencoder), terminal.Printable(m.Denoiser), m.Distance.Own, m.Distance.Others, settings)
	if len(m.Devices) > 0 {
		fmt.Fprintf(e.stdout, "devices      %s\n\n", terminal.Printable(strings.Join(m.Devices, "; ")))
	}
	if sizes := m.ClusterSizes().String(); sizes != "" {
		fmt.Fprintf(e.stdout, "small modes  %s, of %d\n\n", sizes, m.ClusterSizes().Modes)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "class\tlabel\treal\tskipped\tsynthetic\tlargest mode\tsmallest mode")
	for _, c := range m.Classes {
		most, least := int64(0), int64(c.Real)
		for _, im := range c.Images {
			most, least = max(most, im.ClusterSize), min(least, im.ClusterSize)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", terminal.Printable(c.Name), c.Label, c.Real, len(c.Skipped), len(c.Images), most, least)
	}
	return w.Flush()
}

// tensorLine is one tensor as inspect shows it.
type tensorLine struct {
	Name  string        `json:"name"`
	DType weights.DType `json:"dtype"`
	Shape []int         `json:"shape"`
	Fault string        `json:"fault,omitempty"` // why it cannot be read
}

// inspected is what inspect shows of a weights file.
type inspected struct {
	Metadata map[string]string `json:"metadata"`
	Parts    []weights.Section `json:"parts,omitempty"`
	Notes    []string          `json:"notes,omitempty"`
	Tensors  []tensorLine      `json:"tensors"`
}

func (e *env) inspectWeights(ctx context.Context, path string) error {
	f, err := weights.Open(path)
	if _, missing := os.Stat(path); err != nil && missing != nil && !strings.Contains(path, "#") {
		err = missing
	}
	if parts := weights.Choices(err); len(parts) > 0 && !strings.Contains(path, "#") {
		return e.inspectParts(parts, err)
	}
	if err != nil {
		return fail(exitModel, "", err)
	}
	defer f.Close()
	if err := f.CheckRecord(ctx); err != nil {
		return fail(exitModel, "", err)
	}
	lines := []tensorLine{}
	count := 0
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return err
		}
		line := tensorLine{name, t.DType, append([]int{}, t.Shape...), t.Fault()}
		lines = append(lines, line)
		if line.Fault != "" {
			continue
		}
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		count += n
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(inspected{f.Metadata(), f.Sections(), f.Notes(), lines})
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, s := range f.Sections() {
		fmt.Fprintln(w, partLine(s))
	}
	for _, l := range lines {
		if l.Fault != "" {
			fmt.Fprintf(w,
				"%s\tcannot be read\t%v\t%s\n", terminal.Printable(l.Name), l.Shape, terminal.Printable(l.Fault))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%v\n", terminal.Printable(l.Name), l.DType, l.Shape)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d tensors, %d numbers\n", len(lines), count)
	e.sayAll(f.Notes())
	return nil
}

// inspectParts shows the sets of weights of a checkpoint of which none is taken, and why.
func (e *env) inspectParts(parts []weights.Section, why error) error {
	notes := []string{words.Plain(why)}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(inspected{Parts: parts, Notes: notes, Tensors: []tensorLine{}})
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, s := range parts {
		fmt.Fprintln(w, partLine(s))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	e.sayAll(notes)
	return nil
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
