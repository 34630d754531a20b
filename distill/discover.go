package distill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"mgd3/encode"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/numbers"
	"mgd3/weights"
)

// Discover writes the modes of the shard's classes, from their latents.
func (r *Run) Discover(ctx context.Context) error {
	s := r.Settings.Modes
	if err := s.Check(); err != nil {
		return err
	}
	if (s.Features != "") != (r.Features != nil) || r.Features != nil && s.Features != r.Features.SHA256 {
		return fmt.Errorf("%w: the settings name features %.12q, and these are not at hand", ErrModel, s.Features)
	}
	record := modesRecord{Settings: s}
	if err := stage.ReadLocked(r.latentsDir(), &record.Latents); err != nil {
		return err
	}
	if err := record.Latents.Check(); err != nil {
		return fmt.Errorf("%s: %w", r.latentsDir(), err)
	}
	if err := r.progress(StageModes, 0).LockSettings(modesDir(r.Out), record,
		func() (bool, error) { return r.modesAre(record) }); err != nil {
		return err
	}
	classes := record.Latents.Classes
	p := r.progress(StageModes, len(r.part().Spans(len(classes), s.IPC)))
	err := r.Any.EachOr(ctx, r.part(), r.Out, len(classes), 1, p.Progress,
		func(ctx context.Context, shard stage.Shard) error {
			for _, sp := range shard.Spans(len(classes), s.IPC) {
				if err := r.discoverClass(ctx, classes[sp.Class], record, p); err != nil {
					return fmt.Errorf("class %q: %w", classes[sp.Class], err)
				}
			}
			return nil
		})
	if err == nil {
		p.End()
	}
	return err
}

// modesAre reports whether the modes that are there are of these settings and latents, or there are none.
func (r *Run) modesAre(c modesRecord) (bool, error) {
	var m numbers.Tally
	for _, class := range c.Latents.Classes {
		cached, err := encode.Open(r.latentsDir(), class)
		if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
			continue // a later line says so
		}
		if err != nil {
			return false, err
		}
		err = m.Add(ModesFile(r.Out, class), c.keyOf(cached))
		if err = errors.Join(err, cached.Close()); err != nil {
			return false, err
		}
	}
	return m.Ours(), nil
}

func (r *Run) discoverClass(ctx context.Context, class string, record modesRecord, p *numbers.Progress) error {
	cached, err := encode.Open(r.latentsDir(), class)
	if err != nil {
		return err
	}
	defer cached.Close()
	path := ModesFile(r.Out, class)
	if r.Any == nil { // else the lease is what counts: a lock may be a stopped worker's
		unlock, err := atomicfile.Wait(ctx, path)
		if err != nil {
			return err
		}
		defer unlock()
	}
	key := record.keyOf(cached)
	if kept, err := p.Kept(class, path, key); err != nil {
		return err
	} else if kept {
		p.Add(class, 1, 1)
		return nil
	}
	x, err := cached.Matrix()
	if err != nil {
		return err
	}
	if w := fewDifferent(x, record.Settings.modeCount()); w != "" && record.Settings.Method != OwnModes {
		p.Warn(class, "%s", w)
	}
	var features matrix.Matrix
	if record.Settings.Features != "" {
		if features, err = r.Features.Of(class, cached.Names); err != nil {
			return err
		}
	}
	found, err := record.Settings.discover(ctx, x, features, cached.Shape, class)
	if err != nil {
		return err
	}
	if err := writeModes(path, key, found, cached); err != nil {
		return err
	}
	p.Add(class, 1, 0)
	return nil
}

// discover finds the modes of one class's latents [N, c·h·w], of shape [c, h, w] each.
func (s ModeSettings) discover(ctx context.Context, x, features matrix.Matrix, shape []int,
	class string) (modes.Clustering, error) {
	if s.Method == OwnModes {
		return ownModes(x)
	}
	opts := modes.Options{Method: s.Method, Nearest: s.Nearest, Short: s.Short}
	if s.Pool > 1 {
		opts.Pool = modes.Pooling{C: shape[0], H: shape[1], W: shape[2], P: s.Pool}
	}
	opts.Features = features
	found, err := modes.Discover(ctx, x, s.modeCount(), opts, rng.Stream(s.Seed, "modes", rng.Hash(class)))
	if err == nil && s.Shares > 0 {
		found = share(found, s.IPC)
	}
	return found, err
}

// classModes is the modes file of one class:
//
//	centres [k, D] F32   the modes, in the order of the images made from them
//	owner [N] I64        the centre of each latent
//	mass [k] I64         latents of each centre
//	nearest [k] I64      latent nearest to each centre
//	metadata             key; names of the real images in the order of owner, and those skipped: JSON
type classModes struct {
	Key                        string
	Centres                    matrix.Matrix
	Assignment, Sizes, Nearest []int64
	Names                      []string
	Skipped                    []latent.Skipped
}

func writeModes(path, key string, c modes.Clustering, from *latent.Class) error {
	names, err := json.Marshal(from.Names)
	if err != nil {
		return err
	}
	skipped, err := json.Marshal(from.Skipped)
	if err != nil {
		return err
	}
	tensors := []weights.Tensor{
		weights.I64("owner", []int{len(c.Assignment)}, int64s(c.Assignment)),
		weights.I64("mass", []int{len(c.Sizes)}, int64s(c.Sizes)),
		weights.I64("nearest", []int{len(c.Nearest)}, int64s(c.Nearest)),
		weights.F32("centres", []int{c.Centres.Rows, c.Centres.Cols}, c.Centres.Data),
	}
	meta := map[string]string{"key": key, "names": string(names), "skipped": string(skipped)}
	return atomicfile.Write(path, func(w io.Writer) error { return weights.WriteSealedTensors(w, tensors, meta) })
}

func int64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i := range v {
		out[i] = int64(v[i])
	}
	return out
}

// readModes reads the modes file of one class, whose centres must be [k, d].
func readModes(path string, k, d int) (*classModes, error) {
	file, _, err := numbers.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := &classModes{Key: file.Metadata()["key"]}
	if err := m.read(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if k >= 0 && m.Centres.Rows != k || m.Centres.Rows == 0 || m.Centres.Cols != d {
		return nil, fmt.Errorf("%s: tensor centres is [%d, %d], want [%d, %d]", path, m.Centres.Rows, m.Centres.Cols, k,
			d)
	}
	return m, nil
}

func (m *classModes) read(file *weights.File) error {
	meta := file.Metadata()
	if err := errors.Join(json.Unmarshal([]byte(meta["names"]), &m.Names),
		json.Unmarshal([]byte(meta["skipped"]), &m.Skipped)); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	for name, dst := range map[string]*[]int64{"owner": &m.Assignment, "mass": &m.Sizes, "nearest": &m.Nearest} {
		t, err := file.Tensor(name)
		if err != nil {
			return err
		}
		if *dst, err = t.Int64s(); err != nil {
			return err
		}
	}
	t, err := file.Tensor("centres")
	if err != nil {
		return err
	}
	if len(t.Shape) != 2 || t.Shape[0] != len(m.Sizes) || t.Shape[0] != len(m.Nearest) ||
		len(m.Assignment) != len(m.Names) {
		return fmt.Errorf("tensors owner %d, mass %d, nearest %d, centres %v and %d names do not belong together",
			len(m.Assignment), len(m.Sizes), len(m.Nearest), t.Shape, len(m.Names))
	}
	for _, i := range m.Nearest {
		if i < 0 || int(i) >= len(m.Names) {
			return fmt.Errorf("tensor nearest has row %d of %d", i, len(m.Names))
		}
	}
	m.Centres.Rows, m.Centres.Cols = t.Shape[0], t.Shape[1]
	m.Centres.Data, err = t.Float32s()
	return err
}
