package page

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"mgd3/findings"
	"mgd3/report"
	"mgd3/stage/cost"
)

// facts are what the first set was made with, as name and value. A value of 0 or "" is left out: it says that the
// setting was not used. A set that no denoiser made (a baseline of real images) has only counts.
func (g *gathered) facts() (facts [][2]string) {
	if len(g.Sources) == 0 {
		return nil
	}
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" {
			facts = append(facts, [2]string{name, text})
		}
	}
	first := g.Sources[0]
	add("classes", len(g.Classes))
	add("images", first.Images.Len())
	if g.Real != nil {
		add("real images", g.Real.Len())
	}
	if g.Test != nil {
		add("test images", g.Test.Len())
	}
	m := first.Manifest
	if m == nil || m.Denoiser == "" {
		return facts
	}
	s := m.Settings
	add("λ", s.Sample.Lambda)
	add("stop", s.Sample.Stop)
	add("steps", s.Sample.Respacing)
	add("rule", s.Sample.Rule)
	add("cfg", s.Sample.CFG)
	add("modes", s.Modes.Method)
	add("seed", s.Sample.Seed)
	add("to own mode", fmt.Sprintf("%.2f", m.Distance.Own))
	add("to other modes", fmt.Sprintf("%.2f", m.Distance.Others))
	add("mgd3", m.Version)
	add("denoiser", short(m.Denoiser))
	add("autoencoder", short(m.Autoencoder))
	if c := first.Cost; c != nil {
		add("time", (time.Duration(c.Seconds*10) * time.Second / 10).String())
		if c.PeakMiB > 0 {
			add("peak memory", fmt.Sprintf("%.2f GiB", c.PeakMiB/1024))
		}
		add("energy of the processors", c.Energy())
	}
	return facts
}

// short is the beginning of a hash, enough to compare two by eye: 48 bits.
func short(hash string) string { return hash[:min(12, len(hash))] }

// downloads are the data of the page as files in it: page.json with the findings and the numbers, without pictures, and
// images.csv. They make the page a record of its own, which another program can read without the sets.
func (g *gathered) downloads() ([]link, error) {
	if len(g.Sources) == 0 && len(g.Numbers) == 0 {
		return nil, nil
	}
	var links []link
	type data struct {
		Sets     []string           `json:"sets,omitempty"`
		Cost     *cost.Cost         `json:"cost,omitempty"` // of the first set
		Findings *findings.Findings `json:"findings,omitempty"`
		Numbers  []report.Result    `json:"numbers,omitempty"`
	}
	d := data{Findings: g.Findings}
	for i, s := range g.Sources {
		if i == 0 {
			d.Cost = s.Cost
		}
		d.Sets = append(d.Sets, s.Name)
	}
	for _, r := range g.Numbers {
		r.Confusions = nil // each has a file of its own
		d.Numbers = append(d.Numbers, r)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	links = append(links, fileLink("JSON", "page.json", "application/json", text))
	if len(g.Sources) > 0 {
		text, err := g.csv()
		if err != nil {
			return nil, err
		}
		links = append(links, fileLink("images, CSV", "images.csv", "text/csv", text))
	}
	return links, nil
}

// csv is a line for each image of the first set. mode_images is 0 where the cluster size is not known; the last five
// columns are empty without real images. grey_levels is the distance d to the nearest real image in 0 … 255,
// percentile the share of real images that have another one nearer than d, in %, and ratio d divided by the mean
// distance to the 50 nearest; see package findings.
func (g *gathered) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	lines := [][]string{{"class", "image", "mode", "mode_images", "nearest_real_class", "nearest_real", "grey_levels",
		"percentile", "ratio"}}
	for _, c := range g.Classes {
		for _, s := range c.Slots {
			if s.Images[0] == "" {
				continue
			}
			line := append([]string{c.Name, s.Images[0], strconv.Itoa(s.Mode), strconv.FormatInt(s.Size, 10)},
				make([]string, 5)...)
			if n := s.Near; n != nil {
				copy(line[4:], []string{n.Name.Class, n.Name.Name, fmt.Sprintf("%.3f", n.D),
					fmt.Sprintf("%.2f", n.Percentile), fmt.Sprintf("%.4f", n.Ratio)})
			}
			lines = append(lines, line)
		}
	}
	err := w.WriteAll(lines)
	return b.Bytes(), err
}

// fileLink is a file inside the page, as a data: URL (RFC 2397): it can be saved where there is no server and no
// script.
func fileLink(name, file, kind string, data []byte) link {
	return link{Name: name, File: file, URL: template.URL("data:" + kind + ";base64," +
		base64.StdEncoding.EncodeToString(data))}
}

// svgLink is a drawing as a file. Characters that Windows forbids in names of files become '-'; class names may have
// them.
func svgLink(name string, svg []byte) link {
	return fileLink("SVG", strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '-'
		}
		return r
	}, name)+".svg", "image/svg+xml", svg)
}

// standalone begins a map that is a file of its own, with the colours that the page's style gives it.
const standalone = `<svg xmlns="http://www.w3.org/2000/svg" `
