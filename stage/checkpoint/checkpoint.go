// Package checkpoint keeps a training's state on disk, so that a killed training continues from there.
//
// A checkpoint is one safetensors file: all tensors of the training, float32, and in its metadata
//
//	key    what the training is; a file under another key is of another training
//	step   how many steps were taken
//	extra  whatever else the training must remember, JSON
//	crc32c of the file; one that is not as it was written is an [ErrDamaged]
//
// It appears only when it is complete, in place of the one before.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// ErrDamaged says that a checkpoint is not as it was written. It is the only one of its training, which begins anew
// then, and says so.
var ErrDamaged = errors.New("the state of a training")

// Write puts the state after step steps at path; extra must be what JSON can hold. Equal arguments
// give equal bytes.
func Write(path, key string, step int, w engine.Weights, extra any) error {
	text, err := json.Marshal(extra)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	names := slices.Sorted(maps.Keys(w))
	var layout []weights.Tensor
	for _, name := range names {
		layout = append(layout, weights.Tensor{Name: name, DType: "F32", Shape: w[name].Shape().Dimensions})
	}
	metadata := map[string]string{"key": key, "step": strconv.Itoa(step), "extra": string(text)}
	return atomicfile.Write(path, func(file io.Writer) error {
		return weights.WriteSealed(file, layout, metadata,
			func(out *weights.Writer) error { return writeAll(out, names, w) })
	})
}

// writeAll writes the tensors of these names.
func writeAll(out *weights.Writer, names []string, w engine.Weights) error {
	for _, name := range names {
		var written error
		err := tensors.ConstFlatData(w[name], func(flat []float32) { written = out.WriteFloat32s(flat) })
		if err = errors.Join(err, written); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
	}
	return nil
}

// Read returns the state at path, its tensors on e's device, and fills in extra. found is false if there
// is no file or it has another key. A file that is no checkpoint is an ErrDamaged, one with a number that is not finite
// an error that names it.
func Read(e *engine.Engine, path, key string, extra any) (step int, w engine.Weights, found bool, err error) {
	_, err = weights.CheckSeal(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, false, nil
	}
	if errors.Is(err, weights.ErrDamaged) {
		return 0, nil, false, damaged(path, err)
	}
	if err != nil {
		return 0, nil, false, err
	}
	file, err := weights.Open(path)
	if errors.Is(err, weights.ErrFormat) { // of a version without checksums
		return 0, nil, false, damaged(path, err)
	}
	if err != nil {
		return 0, nil, false, err
	}
	defer file.Close()
	metadata := file.Metadata()
	if metadata["key"] != key {
		return 0, nil, false, nil
	}
	step, err = strconv.Atoi(metadata["step"])
	if err != nil || step < 0 {
		return 0, nil, false, damaged(path, fmt.Errorf("%q: the step is %q, want a number of at least 0", path,
			metadata["step"]))
	}
	if err := json.Unmarshal([]byte(metadata["extra"]), extra); err != nil {
		return 0, nil, false, damaged(path, fmt.Errorf("%q: extra: %w", path, err))
	}
	var specs []weights.Spec
	for _, name := range file.Names() {
		t, err := file.Tensor(name)
		if err != nil {
			return 0, nil, false, err
		}
		specs = append(specs, weights.Spec{Name: name, Shape: t.Shape})
	}
	// As they are, whatever the precision of the networks: in bf16 the parameters between steps are float32 too.
	w = make(engine.Weights, len(specs))
	err = weights.AsIs(file).Each(specs, func(spec weights.Spec, data []float32) (err error) {
		w[spec.Name], err = e.Tensor(data, spec.Shape...)
		return err
	})
	return step, w, err == nil, err
}

// damaged is the error of a checkpoint, with its step if that can still be read.
func damaged(path string, err error) error {
	after := ""
	if file, errOpen := weights.Open(path); errOpen == nil {
		if step, errStep := strconv.Atoi(file.Metadata()["step"]); errStep == nil && step >= 0 {
			after = fmt.Sprintf(" after step %d", step)
		}
		file.Close()
	}
	return fmt.Errorf("%w%s: %w", ErrDamaged, after, err)
}
