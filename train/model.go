package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/seal"
	"mgd3/weights"
)

// Record is training.json: what a network was made from. It holds no times and no paths of the machine, so equal
// trainings give equal bytes.
type Record struct {
	Version     string     `json:"version"` // of the program
	Network     string     `json:"network"`
	Licence     string     `json:"licence"` // of the weights, as the one who trained them says
	Images      Images     `json:"images"`
	Protocol    Protocol   `json:"recipe"`
	Settings    any        `json:"settings"`              // of the network and its loss
	Autoencoder string     `json:"autoencoder,omitempty"` // SHA-256 of the weights of the denoiser's
	From        string     `json:"from,omitempty"`        // SHA-256 of the weights it started from
	Perceptual  string     `json:"perceptual,omitempty"`  // SHA-256 of the file of LPIPS
	Backend     string     `json:"backend"`
	Half        bool       `json:"half"`
	Data        DataRecord `json:"data"`
	Parameters  int        `json:"parameters"`
	// of the file of weights, by its name; not in versions before
	SHA256 map[string]string  `json:"sha256,omitempty"`
	Loss   map[string]float64 `json:"loss"` // the last row of loss.csv
	Key    string             `json:"key"`  // of the training, by which it is known again
}

// DataRecord says which images a network was trained on.
type DataRecord struct {
	Classes []string `json:"classes"`
	Images  int      `json:"images"`
	SHA256  string   `json:"sha256"` // over names and files of all images, see contentHash
}

const recordName = weights.RecordName

// newRecord completes the record of a training that is to be, with its key: the SHA-256 of the record in JSON as far as
// it is known before the training, followed by name, size and time or checksum of every image as the set lists it. So a
// key costs no reading of images; their content is hashed when the network is written (SHA256 of Data).
func (o *Options) newRecord(ctx context.Context, r Record) (Record, error) {
	if o.From != "" {
		file, err := weights.Open(o.From)
		if err != nil {
			return r, err
		}
		r.From, err = file.SHA256(ctx)
		if err = errors.Join(err, file.Close()); err != nil {
			return r, err
		}
	}
	r.Version, r.Licence, r.Half, r.Backend = stage.Version, o.Licence, o.Half, o.Engine.Name()
	r.Images, r.Protocol, r.Data.Classes = o.Images, o.Protocol, o.Data.ClassNames()
	h := sha256.New()
	out := json.NewEncoder(h)
	_ = out.Encode(r) // a hash takes everything, and so does JSON of these
	for _, class := range o.Data.Classes {
		r.Data.Images += len(class.Images)
		_ = out.Encode(class.Images)
	}
	r.Key = hex.EncodeToString(h.Sum(nil))
	return r, nil
}

// finished reports whether the network is there, made under the record's key. Another one is a [stage.ErrOther];
// weights that are not those of the record are a [weights.ErrFormat].
func (o *Options) finished(ctx context.Context, r Record) (bool, error) {
	dir := o.modelDir(r.Network)
	var have Record
	is, fault, err := stage.Look(r.Key, func() (string, error) {
		err := stage.ReadRecord(filepath.Join(dir, recordName), &have)
		return have.Key, err
	})
	switch is {
	case stage.Ours:
		for _, name := range slices.Sorted(maps.Keys(have.SHA256)) {
			if err := checkRecord(ctx, filepath.Join(dir, filepath.Base(name))); err != nil {
				return false, err
			}
		}
		return true, o.removeState(r.Network)
	case stage.Other:
		return false, fmt.Errorf("%s: %w%s", dir, stage.ErrOther, r.differs(have))
	case stage.Damaged: // nobody knows whose the network is
		return false, fmt.Errorf("%s: %w: %v", dir, stage.ErrOther, fault)
	}
	if err != nil {
		return false, err
	}
	return false, o.checkEmpty(r)
}

// checkRecord holds a file of weights against the record beside it.
func checkRecord(ctx context.Context, path string) error {
	file, err := weights.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.CheckRecord(ctx), file.Close())
}

// differs says which setting of a record is not that of another one, as far as records tell.
func (r Record) differs(have Record) string {
	have.Key, have.Data.SHA256, have.Parameters, have.Loss = r.Key, r.Data.SHA256, r.Parameters, r.Loss
	if name, there, here := stage.DifferenceOf(have, r); name != "" {
		return fmt.Sprintf(": %s is %s there and %s here", name, there, here)
	}
	return ": its images are others"
}

// checkEmpty makes sure that no network is overwritten but one that this training was writing.
func (o *Options) checkEmpty(r Record) error {
	state, errState := atomicfile.Exists(statePath(o.workDir(r.Network)))
	model, errModel := atomicfile.Exists(filepath.Join(o.modelDir(r.Network), configName))
	if err := errors.Join(errState, errModel); err != nil {
		return err
	}
	if model && !state {
		return fmt.Errorf("%s: %w: a network without a %s", o.modelDir(r.Network), stage.ErrOther, recordName)
	}
	return nil
}

// removeState removes the checkpoint, and the network beside it.
func (o *Options) removeState(network string) error {
	dir := o.workDir(network)
	var err error
	for _, name := range []string{stateName, weightsName(network), configName} {
		err = errors.Join(err, atomicfile.Remove(filepath.Join(dir, name)))
	}
	return err
}

const configName = "config.json"

// weightsName is that of a network's file of weights, as its programs have it.
func weightsName(network string) string {
	if network == networkDiT {
		return "model.safetensors"
	}
	return "diffusion_pytorch_model.safetensors"
}

// stored returns the parameters as the file will hold them, and puts them in the place of t's, so that what follows
// (the scaling factor) is of the numbers that others will read.
func (o *Options) stored(t *trained) ([]weights.Tensor, error) {
	list, err := o.list(t.specs, t.mean)
	if err != nil {
		return nil, err
	}
	for i, spec := range t.specs {
		data, err := list[i].Float32s()
		if err != nil {
			return nil, err
		}
		if t.mean[spec.Name], err = o.Engine.Tensor(data, spec.Shape...); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// list returns the parameters as the file will hold them. A number that is not finite in the file's precision, such as
// one beyond 65,504 in float16, is an error that names its tensor.
func (o *Options) list(specs []weights.Spec, mean engine.Weights) ([]weights.Tensor, error) {
	var list []weights.Tensor
	for _, spec := range specs {
		data, err := tensors.CopyFlatData[float32](mean[spec.Name])
		if err != nil {
			return nil, err
		}
		tensor := weights.F32(spec.Name, spec.Shape, data)
		if o.Half {
			tensor = weights.F16(spec.Name, spec.Shape, data)
			if data, err = tensor.Float32s(); err != nil {
				return nil, err
			}
		}
		for i, v := range data {
			if v-v != 0 {
				return nil,
					fmt.Errorf("tensor %s: element %d is %v in the file's precision, want a finite number",
						spec.Name, i, v)
			}
		}
		list = append(list, tensor)
	}
	return list, nil
}

// writeWeights writes a file of weights, and returns its SHA-256.
func (o *Options) writeWeights(path string, list []weights.Tensor) (string, error) {
	metadata := map[string]string{"format": "pt"} // which Hugging Face's programs ask for
	if o.Licence != "" {
		metadata["licence"] = o.Licence
	}
	sum := sha256.New()
	err := atomicfile.Write(path,
		func(w io.Writer) error { return weights.Write(io.MultiWriter(w, sum), list, metadata) })
	return hex.EncodeToString(sum.Sum(nil)), err
}

// finish writes the network's folder, its record last, and removes the state.
func (o *Options) finish(ctx context.Context, r Record, t *trained, list []weights.Tensor, config []byte) error {
	dir := o.modelDir(r.Network)
	r.Loss = t.last
	for _, spec := range t.specs {
		r.Parameters += size(spec.Shape)
	}
	var err error
	if r.Data.SHA256, err = contentHash(ctx, o.Data); err != nil {
		return err
	}
	file := weightsName(r.Network)
	sum, err := o.writeWeights(filepath.Join(dir, file), list)
	if err != nil {
		return err
	}
	r.SHA256 = map[string]string{file: sum}
	record, err := seal.JSON(r, "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, configName), config); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, recordName), record); err != nil {
		return err
	}
	return o.removeState(r.Network)
}

func writeFile(path string, text []byte) error {
	return atomicfile.WriteBytes(path, append(text, '\n'))
}
