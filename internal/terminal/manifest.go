package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"mgd3/distill"
)

// WriteManifest shows what is in the manifest of a set.
func WriteManifest(to io.Writer, m *distill.Manifest) error {
	settings, err := json.MarshalIndent(m.Settings, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "made by      mgd3 %s on backend %s\nautoencoder  SHA-256 %s\ndenoiser     SHA-256 "+
		"%s\ndistance     %.4g to the own mode, %.4g to the others of the class\nsettings     %s\n\n",
		Printable(m.Version), Printable(m.Backend), Printable(m.Autoencoder), Printable(m.Denoiser), m.Distance.Own,
		m.Distance.Others, settings)
	if len(m.Devices) > 0 {
		fmt.Fprintf(to, "devices      %s\n\n", Printable(strings.Join(m.Devices, "; ")))
	}
	if sizes := m.ClusterSizes().String(); sizes != "" {
		fmt.Fprintf(to, "small modes  %s, of %d\n\n", sizes, m.ClusterSizes().Modes)
	}
	w := columns(to)
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
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d", Printable(c.Name), c.Label, c.Real, len(c.Skipped),
			len(c.Images), most, least)
		if prompted {
			fmt.Fprintf(w, "\t%s", Printable(c.Prompt))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// columns aligns what is between tabs.
func columns(to io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(to, 0, 0, 2, ' ', 0) }

// WritePresets shows presets, and their values in a table.
func WritePresets(to io.Writer, presets []distill.Preset) error {
	for _, p := range presets {
		fmt.Fprintf(to, "%-9s %s\n          %s\n", p.Name, p.About, p.Source)
	}
	fmt.Fprintln(to)
	w := columns(to)
	for _, row := range distill.PresetTable(presets) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
