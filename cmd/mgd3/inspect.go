package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/terminal"
	"mgd3/sets"
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
			} else if _, found := os.Stat(args[0]); found == nil &&
				(sets.IsRun(args[0]) || errors.Is(err, stage.ErrDamaged)) {
				return fail(exitInput, manifestHint(err), err)
			}
			return e.inspectWeights(cmd.Context(), args[0])
		},
	}
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
		terminal.Printable(m.Version), terminal.Printable(m.Backend), terminal.Printable(m.Autoencoder),
		terminal.Printable(m.Denoiser), m.Distance.Own, m.Distance.Others, settings)
	if len(m.Devices) > 0 {
		fmt.Fprintf(e.stdout, "devices      %s\n\n", terminal.Printable(strings.Join(m.Devices, "; ")))
	}
	if sizes := m.ClusterSizes().String(); sizes != "" {
		fmt.Fprintf(e.stdout, "small modes  %s, of %d\n\n", sizes, m.ClusterSizes().Modes)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	prompted := slices.ContainsFunc(m.Classes, func(c distill.ManifestClass) bool { return c.Prompt != "" })
	heading := "class\tlabel\treal\tskipped\tsynthetic\tlargest mode\tsmallest mode"
	if prompted {
		heading += "\tprompt"
	}
	fmt.Fprintln(w, heading)
	for _, c := range m.Classes {
		most, least := int64(0), int64(c.Real)
		for _, im := range c.Images {
			most, least = max(most, im.ClusterSize), min(least, im.ClusterSize)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d", terminal.Printable(c.Name), c.Label, c.Real, len(c.Skipped),
			len(c.Images), most, least)
		if prompted {
			fmt.Fprintf(w, "\t%s", terminal.Printable(c.Prompt))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func (e *env) inspectWeights(ctx context.Context, path string) error {
	c, err := weights.Inspect(ctx, path)
	if err != nil {
		return fail(exitModel, "", err)
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(c)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, s := range c.Parts {
		fmt.Fprintln(w, partLine(s))
	}
	for _, t := range c.Tensors {
		if t.Fault != "" {
			fmt.Fprintf(w, "%s\tcannot be read\t%v\t%s\n", terminal.Printable(t.Name), t.Shape,
				terminal.Printable(t.Fault))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%v\n", terminal.Printable(t.Name), t.DType, t.Shape)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !c.PartsAlone {
		fmt.Fprintf(e.stdout, "%d tensors, %d numbers\n", len(c.Tensors), c.Numbers)
	}
	e.sayAll(c.Notes)
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
