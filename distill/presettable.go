package distill

import (
	"encoding/json"
	"fmt"
)

// accuracy is what a preset reaches by the paper.
type accuracy struct {
	Set      string  `json:"set"`
	IPC      int     `json:"ipc"`
	Net      string  `json:"net"`
	Protocol string  `json:"protocol"`
	Mean     float64 `json:"mean"`
	Spread   float64 `json:"spread"`
	Table    string  `json:"table"`
}

// MarshalJSON adds to the preset's fields its values by the names of the command's flags, and its accuracy.
func (p Preset) MarshalJSON() ([]byte, error) {
	type fields Preset
	flags := map[string]string{}
	for _, f := range Fields() {
		if !p.ofSeed(f) {
			flags[f.Name] = f.Text(p.Settings)
		}
	}
	return json.Marshal(struct {
		fields
		Flags    map[string]string `json:"flags"`
		Accuracy accuracy          `json:"accuracy"`
	}{fields(p), flags, accuracy{"nette", 10, "resnetap10", "hard", p.Accuracy, p.Spread, p.Table}})
}

// ofSeed reports whether the field is not the preset's but the seed of the noise.
func (p Preset) ofSeed(f Field) bool { return f.Name == "encode-seed" && p.SeedEncodes }

// PresetTable returns presets as a table: a head, and a row for the networks, each field and the accuracy, with what it
// is, its value in each preset, and where the values are from.
func PresetTable(presets []Preset) (rows [][]string) {
	add := func(name, from string, value func(Preset) string) {
		row := []string{name}
		for _, p := range presets {
			row = append(row, value(p))
		}
		rows = append(rows, append(row, from))
	}
	add("", "", func(p Preset) string { return p.Name })
	add("denoiser", "the paper and the released programs", func(p Preset) string { return p.Denoiser })
	add("autoencoder", "released programs", func(p Preset) string { return p.Autoencoder })
	for _, f := range Fields() {
		add("--"+f.Name, f.Source, func(p Preset) string {
			if p.ofSeed(f) {
				return "--seed"
			}
			return f.Text(p.Settings)
		})
	}
	add("accuracy, %", "ImageNette, 10 images per class, ResNetAP-10, hard labels", func(p Preset) string {
		if p.Accuracy == 0 {
			return "no number"
		}
		return fmt.Sprintf("%.1f ± %.1f", p.Accuracy, p.Spread)
	})
	add("", "of the paper", func(p Preset) string { return p.Table })
	return rows
}
