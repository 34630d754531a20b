package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/atomicfile"
	"mgd3/internal/checkpoint"
	"mgd3/optim"
	"mgd3/rng"
	"mgd3/weights"
)

// ErrDiverged says that the loss is no number any more.
var ErrDiverged = errors.New("the training diverged")

// Run trains one net from scratch on one set and tests it on another. Equal fields give an equal score, apart from its
// Seconds, whatever the number of processors and however often it was interrupted:
//
//	weights  the stream (Seed, "weights", tensor)
//	order    (Seed, "order", epoch)
//	augment  (Seed, "augment", epoch, image)
//	CutMix   (Seed, "cutmix", epoch, batch)
type Run struct {
	Engine      *engine.Engine
	Train, Test *Data
	Net         string // as New takes it
	Protocol    Protocol
	Seed        uint64
	Dir         string   // of the checkpoint and then the score, result.json; "" keeps none
	Teacher     *Teacher // of soft labels

	KeepWeights bool          // write the trained net to Dir, net.safetensors
	Every       time.Duration // time between checkpoints; 0 is 30 s
	Report      func(Event)   // told after each epoch; may be nil
}

// Event says how a run goes on.
type Event struct {
	Net    string `json:"net"`
	Seed   uint64 `json:"seed"`
	Epoch  int    `json:"epoch"` // just finished, from 1
	Epochs int    `json:"epochs"`
	Point
	Best    float64 `json:"best"`              // on the test data, so far
	Warning string  `json:"warning,omitempty"` // of an event that is no epoch
}

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

// Do returns the score: at once if it is in Dir already, else after the training, which goes on from the checkpoint if
// there is one. Its errors wrap [ErrData] or [ErrDiverged] where these are the cause.
func (r *Run) Do(ctx context.Context) (*Score, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	key := r.key()
	score, other, err := r.finished(key)
	if score != nil || err != nil {
		return score, err
	}
	if other && r.Report != nil {
		r.Report(Event{Net: r.Net, Seed: r.Seed, Warning: fmt.Sprintf("the score in %q is of another recipe, set, teacher or version of this program: it is made anew", r.Dir)})
	}
	t, err := r.start(key)
	if err != nil {
		return nil, err
	}
	if err := t.train(ctx); err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", r.Net, r.Seed, err)
	}
	return t.finish()
}

func (r *Run) check() error {
	if err := errors.Join(r.Protocol.Check(), r.Train.check(), r.Test.check(), Match(r.Train.Classes, r.Test.Classes)); err != nil {
		return err
	}
	p := r.Protocol
	switch {
	case r.Train.o.Size != p.TrainSize || r.Test.o.Size != p.testSize():
		return fmt.Errorf("evaluate: images of %d pixels to train on and %d to test on, want %d and %d", r.Train.o.Size, r.Test.o.Size, p.TrainSize, p.testSize())
	case (p.Labels == Soft) != (r.Teacher != nil):
		return fmt.Errorf("evaluate: protocol %s has %s labels: want a teacher for soft labels, and none for others", p.Name, p.Labels)
	case r.Teacher != nil && r.Teacher.names != nil && !slices.Equal(r.Teacher.names, r.Train.Classes):
		return fmt.Errorf("evaluate: the teacher was opened for the classes %s, want those of the images, %s", quoted(r.Teacher.names), quoted(r.Train.Classes))
	case r.Teacher != nil && r.Teacher.Classes != len(r.Train.Classes):
		return fmt.Errorf("evaluate: the teacher knows %d classes, want the %d of the images", r.Teacher.Classes, len(r.Train.Classes))
	}
	return nil
}

// key names all that decides the score.
func (r *Run) key() string {
	teacher := ""
	if r.Teacher != nil {
		teacher = r.Teacher.ID
	}
	const format = 1 // counts the changes that older scores and checkpoints do not survive
	text, err := json.Marshal([]any{format, r.Engine.Name(), r.Net, r.Protocol, r.Seed, r.Train.ID(), r.Test.ID(), teacher})
	if err != nil {
		panic(fmt.Errorf("evaluate: a protocol: %w", err)) // its check lets finite numbers through only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
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

// training is a run at work.
type training struct {
	*Run
	key     string
	net     Net
	weights engine.Weights // of the net and its optimiser
	step    *engine.Program
	test    *engine.Program
	teach   *engine.Program // nil without a teacher
	counts  []float32       // weights of the images
	saved   time.Time       // of the last checkpoint
	began   time.Time       // since when Seconds counts
	state
}

// state is what a checkpoint remembers beside the tensors.
type state struct {
	Steps int     `json:"steps"`
	Loss  float64 `json:"loss"` // sums over the epoch so far: of losses, of hits, of images
	Hits  int     `json:"hits"`
	Seen  int     `json:"seen"`
	Score Score   `json:"score"`
}

// start builds the programs, and the weights or those of the checkpoint.
func (r *Run) start(key string) (*training, error) {
	p := r.Protocol
	net, err := New(r.Net, p.Size, len(r.Train.Classes), p.Norm)
	if err != nil {
		return nil, err
	}
	t := &training{Run: r, key: key, net: net, counts: r.Train.weights(), saved: time.Now(), began: time.Now()}
	if r.Teacher != nil {
		if t.teach, err = r.Engine.Compile("teacher", r.Teacher.labels(p.Temperature), r.Teacher.Weights); err != nil {
			return nil, err
		}
	}
	found := false
	if r.Dir != "" {
		if _, t.weights, found, err = checkpoint.Read(r.Engine, t.checkpoint(), key, &t.state); err != nil {
			return nil, err
		}
	}
	f := TrainStep(net, p.loss(), p.stepper())
	if !found {
		specs, err := r.Engine.Declare(f, shapes.Make(dtypes.Float32, 1, 3, p.Size, p.Size), shapes.Make(dtypes.Float32, 1, len(r.Train.Classes)), p.at(0, 1).Shape())
		if err != nil {
			return nil, err
		}
		if t.weights, err = Fresh(r.Engine, net, specs, r.Seed); err != nil {
			return nil, err
		}
		t.Score = Score{Net: r.Net, Protocol: p, Seed: r.Seed, Classes: r.Train.Classes, Images: r.Train.Len()}
		if r.Teacher != nil {
			t.Score.Teacher = &r.Teacher.Known
		}
	}
	if t.step, err = r.Engine.Compile("step", f, t.weights); err != nil {
		return nil, err
	}
	t.test, err = r.Engine.Compile("test", Logits(net), t.weights)
	return t, err
}

func (r *Run) checkpoint() string { return filepath.Join(r.Dir, checkpointName) }

// batch is the images of one step.
type batch struct {
	epoch   int       // from 0
	index   int       // in the epoch
	rows    []int     // of the data
	x       []float32 // [B, 3, S, S]
	targets []float32 // [B, classes]; see CrossEntropy
	labels  []int32   // those with the larger part of each image
}

// steps returns the number of steps of an epoch.
func (r *Run) steps() int { return (r.Train.Len() + r.Protocol.Batch - 1) / r.Protocol.Batch }

// plans yields all batches from the given step on, still without images.
func (r *Run) plans(first int) iter.Seq[*batch] {
	n, size := r.Train.Len(), r.Protocol.Batch
	return func(yield func(*batch) bool) {
		for epoch := first / r.steps(); epoch < r.Protocol.Epochs; epoch++ {
			order := rng.Stream(r.Seed, "order", uint64(epoch)).Perm(n)
			for i := range r.steps() {
				if epoch*r.steps()+i < first {
					continue
				}
				if !yield(&batch{epoch: epoch, index: i, rows: order[i*size : min(n, (i+1)*size)]}) {
					return
				}
			}
		}
	}
}

// fill reads, augments and mixes the images of a batch.
func (t *training) fill(ctx context.Context, b *batch) (*batch, error) {
	p, size := t.Protocol, 3*t.Protocol.Size*t.Protocol.Size
	b.x = make([]float32, len(b.rows)*size)
	err := each(ctx, len(b.rows), func(ctx context.Context, i int) error {
		im, err := t.Train.Image(ctx, b.rows[i])
		if err == nil {
			p.Augment.Apply(b.x[i*size:(i+1)*size], im, p.Size, rng.Stream(t.Seed, "augment", uint64(b.epoch), uint64(b.rows[i])))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	mix := Mix{Kept: 1, Permutation: make([]int, len(b.rows))}
	if r := rng.Stream(t.Seed, "cutmix", uint64(b.epoch), uint64(b.index)); r.Float64() < p.CutMix {
		mix = CutMix(b.x, [4]int{len(b.rows), 3, p.Size, p.Size}, r)
	}
	t.label(b, mix)
	return b, nil
}

// label sets the targets of a batch: the kept part of each image has its label, the other part that of the image
// it is from, each with the weight of its image.
func (t *training) label(b *batch, mix Mix) {
	classes := len(t.Train.Classes)
	b.targets, b.labels = make([]float32, len(b.rows)*classes), make([]int32, len(b.rows))
	for i, row := range b.rows {
		other := b.rows[mix.Permutation[i]]
		target := b.targets[i*classes : (i+1)*classes]
		target[t.Train.Labels[row]] += float32(mix.Kept) * t.counts[row]
		target[t.Train.Labels[other]] += float32(1-mix.Kept) * t.counts[other]
		b.labels[i] = t.Train.Labels[row]
		if mix.Kept < 0.5 {
			b.labels[i] = t.Train.Labels[other]
		}
	}
}

// waiting is how many batches are made ahead of the device.
const waiting = 2

// train takes the steps that are left. Stopped between any two of them, it leaves a checkpoint.
func (t *training) train(ctx context.Context) error {
	err := t.takeAll(ctx)
	switch {
	case err != nil && errors.Is(err, ctx.Err()):
		return errors.Join(err, t.save())
	case t.Dir != "" && errors.Is(err, ErrDiverged): // as it would from there again
		return errors.Join(err, removeIfThere(t.checkpoint()))
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (t *training) takeAll(ctx context.Context) error {
	if t.Seen > 0 && t.Steps%t.steps() == 0 { // it was stopped while it validated
		if err := t.endEpoch(ctx, t.Steps/t.steps()); err != nil {
			return err
		}
	}
	for b, err := range ahead(ctx, t.plans(t.Steps), waiting, t.fill) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.take(b)
		}
		if err == nil && b.index == t.steps()-1 {
			err = t.endEpoch(ctx, b.epoch+1)
		}
		if err != nil {
			return err
		}
		if t.Dir != "" && time.Since(t.saved) > t.every() {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (t *training) every() time.Duration {
	if t.Every > 0 {
		return t.Every
	}
	return 30 * time.Second
}

// save writes the checkpoint.
func (t *training) save() error {
	if t.Dir == "" {
		return nil
	}
	t.clock()
	err := checkpoint.Write(t.checkpoint(), t.key, t.Steps, t.weights, t.state)
	t.saved = time.Now()
	return err
}

// clock adds the time since it was last called to the score's.
func (t *training) clock() {
	now := time.Now()
	t.Score.Seconds += now.Sub(t.began).Seconds()
	t.began = now
}

// take takes one step.
func (t *training) take(b *batch) error {
	p, n := t.Protocol, len(b.rows)
	x, err := t.Engine.Tensor(b.x, n, 3, p.Size, p.Size)
	if err != nil {
		return err
	}
	defer x.FinalizeAll()
	targets := tensors.FromFlatDataAndDimensions(b.targets, n, len(t.Train.Classes))
	if t.teach != nil {
		if targets, err = t.teach.Run1(x); err != nil {
			return err
		}
	}
	defer targets.FinalizeAll()
	out, err := t.step.Run(x, targets, p.at(b.epoch, t.Steps+1))
	if err != nil {
		return err
	}
	loss, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return err
	}
	if v := float64(loss[0]); math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("epoch %d, step %d: %w: the loss is %v", b.epoch+1, t.Steps+1, ErrDiverged, v)
	}
	logits, err := tensors.CopyFlatData[float32](out[1])
	if err != nil {
		return err
	}
	for i, label := range b.labels {
		if argmax(logits[i*len(t.Train.Classes):(i+1)*len(t.Train.Classes)]) == int(label) {
			t.Hits++
		}
	}
	t.Loss += float64(loss[0]) * float64(n)
	t.Seen += n
	t.Steps++
	return nil
}

// argmax returns the index of the largest number, the first of equals.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// endEpoch validates where it is time, and notes how the epoch, from 1, went.
func (t *training) endEpoch(ctx context.Context, epoch int) error {
	p := t.Protocol
	point := Point{Epoch: epoch, Loss: t.Loss / float64(t.Seen), Train: float64(t.Hits) / float64(t.Seen)}
	if p.Validation.At(epoch, p.Epochs) {
		confusion, err := t.validate(ctx)
		if err != nil {
			return err
		}
		accuracy := t.Score.tested(epoch, confusion)
		point.Test = &accuracy
	}
	t.Loss, t.Hits, t.Seen = 0, 0, 0
	if point.Test != nil || epoch%max(1, p.Epochs/100) == 0 {
		t.Score.Curve = append(t.Score.Curve, point)
	}
	if t.Report != nil {
		t.Report(Event{t.Net, t.Seed, epoch, p.Epochs, point, t.Score.Best, ""})
	}
	return nil
}

// validate returns the confusion matrix on the test data.
func (t *training) validate(ctx context.Context) ([][]int, error) {
	return confusionOf(ctx, t.Engine, t.test, t.Test, t.Protocol)
}

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
