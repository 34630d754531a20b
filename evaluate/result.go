package evaluate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/optim"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/seal"
	"mgd3/weights"
)

// Files of a run in its folder.
const (
	resultName     = "result.json"
	checkpointName = "checkpoint.safetensors"
	netName        = "net.safetensors"
)

// result is the file of a finished run.
type result struct {
	Key   string `json:"key"`
	Score *Score `json:"score"`
}

// finished returns the score in Dir, or nil if there is none under this key; instead says what there is, "" for
// nothing.
func (r *Run) finished(key string) (score *Score, instead string, err error) {
	if r.Dir == "" {
		return nil, "", nil
	}
	var there result
	is, fault, err := stage.Look(key, func() (string, error) {
		err := stage.ReadRecord(filepath.Join(r.Dir, resultName), &there)
		return there.Key, err
	})
	switch is {
	case stage.Damaged:
		return nil, fmt.Sprintf("the score in %v: it is made anew", fault), nil
	case stage.Other:
		return nil, fmt.Sprintf("the score in %q is of another protocol, set, teacher or version of this program: "+
			"it is made anew%s", r.Dir, r.differs(there.Score)), nil
	case stage.Missing:
		return nil, "", err
	}
	if r.KeepWeights {
		if net, err := atomicfile.Exists(r.NetFile()); err != nil || !net {
			return nil, "", err
		}
	}
	return there.Score, "", nil
}

// differs says which setting of the score that is there is not this run's, as far as scores tell.
func (r *Run) differs(there *Score) string {
	if there == nil {
		return ""
	}
	was := Score{
		Net: there.Net, Protocol: there.Protocol, Seed: there.Seed, Classes: there.Classes, Images: there.Images,
		Teacher: there.Teacher,
	}
	if name, there, here := stage.DifferenceOf(was, r.untrained()); name != "" {
		return fmt.Sprintf(": %s is %s there and %s here", name, there, here)
	}
	return ""
}

// untrained is the score of the run before it begins.
func (r *Run) untrained() Score {
	s := Score{Net: r.Net, Protocol: r.Protocol, Seed: r.Seed, Classes: r.Train.Classes, Images: r.Train.Len()}
	if r.Teacher != nil {
		s.Teacher = &r.Teacher.Known
	}
	if r.Stored != nil {
		known := r.Stored.Teacher()
		s.Teacher = &known
	}
	return s
}

// NetFile returns the path of the trained net, if KeepWeights.
func (r *Run) NetFile() string { return filepath.Join(r.Dir, netName) }

// finish writes the score, and the net if it is to stay.
func (t *training) finish() (*Score, error) {
	t.clock()
	s := &t.Score
	s.Steps = t.Steps
	net, err := t.trained()
	if err != nil {
		return nil, err
	}
	if s.Weights, err = hash(net); err != nil || t.Dir == "" {
		return s, err
	}
	if t.KeepWeights {
		classes, err := json.Marshal(s.Classes)
		if err != nil {
			return nil, err
		}
		metadata := map[string]string{"net": t.Net, "classes": string(classes), "key": t.key}
		if err := atomicfile.Write(t.NetFile(),
			func(w io.Writer) error { return weights.Write(w, net, metadata) }); err != nil {
			return nil, err
		}
	}
	data, err := seal.JSON(result{t.key, s}, " ")
	if err != nil {
		return nil, err
	}
	err = atomicfile.WriteBytes(filepath.Join(t.Dir, resultName), data)
	if err != nil {
		return nil, err
	}
	return s, atomicfile.Remove(t.checkpoint())
}

// trained returns the net's tensors, by name, without the optimiser's.
func (t *training) trained() ([]weights.Tensor, error) {
	var net []weights.Tensor
	for _, name := range slices.Sorted(maps.Keys(t.weights)) {
		if optim.IsState(name) || name == dropoutState {
			continue
		}
		data, err := tensors.CopyFlatData[float32](t.weights[name])
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		net = append(net, weights.F32(name, t.weights[name].Shape().Dimensions, data))
	}
	return net, nil
}

// hash returns the SHA-256 of tensors: of their names, shapes and bytes.
func hash(list []weights.Tensor) (string, error) {
	h := sha256.New()
	for _, t := range list {
		fmt.Fprintf(h, "%q %v ", t.Name, t.Shape)
		data, err := t.Float32s()
		if err != nil {
			return "", err
		}
		if err := binary.Write(h, binary.LittleEndian, data); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
