package evaluate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/internal/atomicfile"
	"mgd3/optim"
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

// finished returns the score in Dir, or nil if there is none under this key, and whether there is one under another.
func (r *Run) finished(key string) (score *Score, other bool, err error) {
	if r.Dir == "" {
		return nil, false, nil
	}
	path := filepath.Join(r.Dir, resultName)
	data, err := atomicfile.Read(path, atomicfile.MostText)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var there result
	if err := json.Unmarshal(data, &there); err != nil {
		return nil, false, fmt.Errorf("%q: %w", path, err)
	}
	if there.Key != key {
		return nil, true, nil
	}
	if r.KeepWeights && !exists(r.NetFile()) {
		return nil, false, nil
	}
	return there.Score, false, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
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
		if err := atomicfile.Write(t.NetFile(), func(w io.Writer) error { return weights.Write(w, net, metadata) }); err != nil {
			return nil, err
		}
	}
	data, err := json.MarshalIndent(result{t.key, s}, "", " ")
	if err != nil {
		return nil, err
	}
	err = atomicfile.WriteBytes(filepath.Join(t.Dir, resultName), append(data, '\n'))
	if err != nil {
		return nil, err
	}
	return s, removeIfThere(t.checkpoint())
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
