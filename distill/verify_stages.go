package distill

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/encode"
	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/store"
)

// stages is what [Verify] finds out about the stages below an output folder.
type stages struct {
	out       string
	faults    []string
	unchecked []string       // what could not be held against anything, and why
	absent    []string       // stages that are not in the folder
	old       map[string]int // files without a checksum, by stage
	outage    error          // the first of the store or the file system, which is no fault of a file
}

func (v *stages) fault(path, format string, args ...any) {
	rel, err := filepath.Rel(v.out, path)
	if err != nil {
		rel = path
	}
	v.faults = append(v.faults, filepath.ToSlash(rel)+": "+fmt.Sprintf(format, args...))
}

// wrong notes the error of a file as a fault.
func (v *stages) wrong(path string, err error) {
	if store.Failed(err) {
		v.outage = cmp.Or(v.outage, err)
		return
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, stage.ErrStage) {
		v.fault(path, "missing")
		return
	}
	v.fault(path, "%v", err)
}

// settings reads a stage's settings file; usable is false if the folder has none, or one that is no use.
func (v *stages) settings(dir string, record interface{ Check() error }, read any) (usable bool) {
	path := filepath.Join(dir, stage.SettingsFile)
	if there, err := atomicfile.Exists(path); err == nil && !there {
		v.absent = append(v.absent, filepath.Base(dir))
		return false
	}
	err := stage.ReadLocked(dir, read)
	if err == nil {
		err = record.Check()
	}
	if err != nil {
		v.wrong(path, err)
		v.unchecked = append(v.unchecked,
			fmt.Sprintf("%s: not checked, since nothing says what must be there", filepath.Base(dir)))
	}
	return err == nil
}

// same holds what a stage's settings say of the stage before against that stage's own.
func (v *stages) same(dir string, here, before any) {
	if name, is, want := stage.DifferenceOf(here, before); name != "" {
		v.fault(filepath.Join(dir, stage.SettingsFile), "%s is %s, the stage before has %s", name, is, want)
	}
}

// check compares the stages below out with their checksums and with each other, and returns the manifest that they
// make; nil where they make none.
func (v *stages) check(ctx context.Context) (made *Manifest, err error) {
	var l encode.Record
	var mc modesRecord
	var s samplesRecord
	latentsDir := filepath.Join(v.out, "latents")
	haveLatents := v.settings(latentsDir, &l, &l)
	haveModes := v.settings(modesDir(v.out), &mc, &mc)
	haveSamples := v.isRun() && v.settings(samplesDir(v.out), &s, &s)
	keys := map[string]string{}
	if haveLatents {
		if err := v.latents(ctx, latentsDir, l, mc, keys); err != nil {
			return nil, err
		}
	}
	if haveModes {
		if haveLatents {
			v.same(modesDir(v.out), mc.Latents, l)
		}
		if err := v.modes(ctx, mc, keys); err != nil {
			return nil, err
		}
	}
	if haveSamples {
		if haveModes {
			v.same(samplesDir(v.out), s.Modes, mc)
		}
		if made, err = v.samples(ctx, s); err != nil {
			return nil, err
		}
	}
	if len(v.absent) > 0 && v.isRun() {
		v.unchecked = append(v.unchecked, strings.Join(v.absent, ", ")+": not in this folder, not checked")
	}
	for _, stage := range Stages {
		if n := v.old[stage]; n > 0 {
			v.unchecked = append(v.unchecked, fmt.Sprintf("%s: %d files of an earlier version have no checksum, "+
				"their numbers were not checked", stage, n))
		}
	}
	return made, nil
}

// isRun reports whether the samples folder, if there is one, is a run's: baselines keep other settings there.
func (v *stages) isRun() bool {
	data, err := stage.ReadSettings(samplesDir(v.out))
	if store.Failed(err) {
		v.wrong(samplesDir(v.out), err)
	}
	if err != nil {
		return true
	}
	var fields map[string]json.RawMessage
	return json.Unmarshal(data, &fields) == nil && fields["denoiser"] != nil
}

func (v *stages) latents(ctx context.Context, dir string, c encode.Record, m modesRecord,
	keys map[string]string) error {
	for _, class := range c.Classes {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := encode.File(dir, class)
		f, sealed, err := numbers.Open(path)
		if err != nil {
			v.wrong(path, err)
			continue
		}
		_ = f.Close()
		cached, err := latent.OpenClass(path)
		if err != nil {
			v.wrong(path, err)
			continue
		}
		keys[class] = m.keyOf(cached)
		_ = cached.Close()
		if !sealed {
			v.old[StageEncode]++
		}
	}
	return nil
}

func (v *stages) modes(ctx context.Context, c modesRecord, keys map[string]string) error {
	for _, class := range c.Latents.Classes {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := ModesFile(v.out, class)
		f, sealed, err := numbers.Open(path)
		if err != nil {
			v.wrong(path, err)
			continue
		}
		_ = f.Close()
		m, err := c.read(v.out, class)
		if err != nil {
			v.wrong(path, err)
			continue
		}
		if want, known := keys[class]; known && m.Key != want {
			v.fault(path, "was made of other latents than those in this folder")
		}
		if !sealed {
			v.old[StageModes]++
		}
	}
	return nil
}

// samples holds every sample against its checksum, and returns the manifest that samples and modes make.
func (v *stages) samples(ctx context.Context, c samplesRecord) (*Manifest, error) {
	before := len(v.faults)
	counts, err := c.Modes.counts(v.out)
	if err != nil {
		return nil, err
	}
	for i := range c.Modes.Latents.Classes {
		for j := range counts[i] {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			path := c.image(i, j).latent(v.out)
			f, sealed, err := numbers.Open(path)
			if err != nil {
				v.wrong(path, err)
				continue
			}
			_ = f.Close()
			if !sealed {
				v.old[StageSample]++
			}
		}
	}
	if len(v.faults) > before {
		return nil, nil
	}
	made, err := assemble(v.out, c)
	switch {
	case err == nil:
		return made, nil
	case errors.Is(err, errStale):
		v.fault(filepath.Join(v.out, "samples"), "%v", err)
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, stage.ErrStage):
		// what is missing has been called so
	case errors.Is(err, stage.ErrDamaged):
		// and what is damaged
	default:
		v.wrong(samplesDir(v.out), err)
	}
	return nil, nil
}

// manifest holds the manifest against the one that the stages make.
func (v *stages) manifest(m, made *Manifest) {
	if name, there, here := manifestDifference(m, made); name != "" {
		v.fault(filepath.Join(v.out, manifestName), "%s is %s, the stages have %s", name, there, here)
		return
	}
	if name, there, here := stage.DifferenceOf(m, made); name != "" {
		v.unchecked = append(v.unchecked,
			fmt.Sprintf("%s: %s is %s, this program on this machine makes %s of the stages: not a fault", manifestName,
				name, there, here))
	}
}

// text finds what reading a manifest passes over: fields of other names than those of this version. What a later
// version has more, this one cannot check.
func (v *stages) text(text []byte, m *Manifest) {
	var there, known map[string]any
	read, err := json.Marshal(m)
	if err = errors.Join(err, json.Unmarshal(text, &there), json.Unmarshal(read, &known)); err != nil ||
		there["made"] != nil {
		return // baselines have a manifest of their own
	}
	switch name := unknown("", there, known); {
	case name == "":
	case m.Version == stage.Version:
		v.fault(filepath.Join(v.out, manifestName), "it has a field %q, which none of this version has", name)
	default:
		v.unchecked = append(v.unchecked,
			fmt.Sprintf("%s: %s is not known to this version, not checked", manifestName, name))
	}
}

// unknown returns the dotted name of the first field of a JSON value that another one has not, "" if there is none.
func unknown(name string, there, known any) string {
	switch x := there.(type) {
	case map[string]any:
		y, _ := known.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(x)) {
			inner := strings.TrimPrefix(name+"."+k, ".")
			v, ok := y[k]
			if !ok {
				return inner
			}
			if at := unknown(inner, x[k], v); at != "" {
				return at
			}
		}
	case []any:
		y, _ := known.([]any)
		for i := range min(len(x), len(y)) {
			if at := unknown(fmt.Sprintf("%s[%d]", name, i), x[i], y[i]); at != "" {
				return at
			}
		}
	}
	return ""
}

// manifestDifference names the first field of a manifest that is not as the stages make it. Versions may differ, and
// distances by what another processor's order of sums makes of float64 numbers.
func manifestDifference(have, made *Manifest) (name, there, here string) {
	a, b := have.rounded(), made.rounded()
	a.Version = b.Version
	return stage.DifferenceOf(a, b)
}

// rounded is a copy with distances of nine digits.
func (m *Manifest) rounded() Manifest {
	round := func(d Distance) Distance {
		nine := func(x float64) float64 {
			if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
				return 0
			}
			unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-8)
			return math.Round(x/unit) * unit
		}
		return Distance{nine(d.Own), nine(d.Others)}
	}
	c := *m
	c.Distance, c.Classes = round(m.Distance), append([]ManifestClass{}, m.Classes...)
	for i := range c.Classes {
		c.Classes[i].Images = append([]ManifestImage{}, c.Classes[i].Images...)
		for j := range c.Classes[i].Images {
			c.Classes[i].Images[j].Distance = round(c.Classes[i].Images[j].Distance)
		}
	}
	return c
}
