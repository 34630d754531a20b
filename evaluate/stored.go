package evaluate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"

	"mgd3/engine"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// Stored are a teacher's logits of every image in every epoch of one training: of the very crops and mixtures that its
// named random streams (seed, epoch, image or batch) give, so that nothing of these is stored. In the file,
// safetensors, for each epoch
//
//	logits.E   [N, k]  F16 or F32    the k largest of an image, in falling order; row n is the batch's n-th image
//	classes.E  [N, k]  U16           whose they are; missing where k is all, in the order of the classes
//
// and what they are of as metadata. Of 10,000 images, 300 epochs and k = 10 in F16 these are 120 MB. In training,
// label = softmax(logits/T) over the k: what is left out has no share, and the rest sums to 1 (the marginal
// re-normalisation MR-k of LPQLD, Xiao and He, TPAMI 2026). With the rest there is, in the type of the logits, also
//
//	rest.E     [N]           T·ln of the mean of exp(l/T) over the logits l that are left out
//
// and each of these counts as that: they share evenly the part that the teacher gives them (marginal smoothing, MS-k).
type Stored struct {
	ID    string // SHA-256 of the file, or of the files of FKD
	fkd   *fkd   // not nil: the labels are those, in place of what follows
	facts storedFacts
	file  *weights.File

	epoch   int // of what is read
	logits  []float32
	classes []int64
	rest    []float32 // nil without it
}

// StoreOptions say what of a teacher's logits is kept.
type StoreOptions struct {
	Top   int  // logits of an image, the largest; 0, or more than there are, keeps all
	Whole bool // in float32, not in half precision
	Rest  bool // and what all others together have
	FKD   bool // a folder of FKD's files, see [Run.StoreFKD]
}

// SetFormat takes the format of --format, safetensors or fkd, which holds all logits; topGiven says whether Top was
// asked for.
func (o *StoreOptions) SetFormat(format string, topGiven bool) error {
	switch {
	case format != "fkd" && format != "safetensors":
		return fmt.Errorf("--format is %q, want safetensors or fkd", format)
	case format == "fkd" && o.Rest:
		return errors.New("--rest is of the logits that --top leaves out, but FKD's files hold all")
	case format == "fkd" && topGiven && o.Top != 0:
		return fmt.Errorf("--top is %d, but FKD's files hold all logits", o.Top)
	case format == "fkd":
		o.Top, o.FKD = 0, true
	}
	return nil
}

// storedFacts is the metadata "mgd3" of the file.
type storedFacts struct {
	Stream  string       `json:"stream"` // names the images of all steps; see Run.stream
	Seed    uint64       `json:"seed"`
	Epochs  int          `json:"epochs"`
	Top     int          `json:"top"`
	Rest    float64      `json:"rest,omitzero"` // temperature of the rest; 0 without it
	Classes []string     `json:"classes"`
	Teacher TeacherFacts `json:"teacher"`
}

// ErrStored says that a file holds no stored labels, or those of another training.
var ErrStored = errors.New("not the stored labels of this training")

// stream names all that decides which images the steps of a run see: the pixels, and the streams' parameters. Epochs
// are not among it: a shorter training sees the first ones.
func (r *Run) stream(ctx context.Context) (string, error) {
	p := r.Protocol
	h := sha256.New()
	if err := json.NewEncoder(h).Encode([]any{r.Seed, p.Batch, p.Size, p.TrainSize, p.Augment, p.DSA, p.CutMix,
		p.Whiten, r.Train.Classes, r.Train.Labels}); err != nil {
		return "", err
	}
	for i := range r.Train.Len() {
		im, err := r.Train.Image(ctx, i)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d %d\n", im.W, im.H)
		h.Write(im.Pix)
		_ = binary.Write(h, binary.LittleEndian, im.Values) // to a hash
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Store writes the logits of the run's teacher to path, for all epochs of its protocol. The same run gives the same
// bytes.
func (r *Run) Store(ctx context.Context, path string, o StoreOptions) (bytes int64, err error) {
	if o.FKD {
		if o.Top != 0 {
			return 0, errors.New("FKD's files hold all logits")
		}
		return r.StoreFKD(ctx, path, o.Whole)
	}
	classes := len(r.Train.Classes)
	top := min(cmp.Or(o.Top, classes), classes)
	switch {
	case r.Teacher == nil:
		return 0, errors.New("labels are stored of a teacher, want one")
	case top < 1:
		return 0, fmt.Errorf("the %d largest logits are to be kept, want at least 1, or 0 for all", top)
	case classes > math.MaxUint16:
		return 0, fmt.Errorf("%d classes, want at most %d", classes, math.MaxUint16)
	}
	if err := r.check(); err != nil {
		return 0, err
	}
	stream, err := r.stream(ctx)
	if err != nil {
		return 0, err
	}
	rest := 0.0
	if o.Rest && top < classes {
		rest = r.Protocol.Temperature
	}
	facts, err := json.Marshal(storedFacts{stream, r.Seed, r.Protocol.Epochs, top, rest, r.Train.Classes,
		r.Teacher.Known})
	if err != nil {
		return 0, err
	}
	program, err := r.Engine.Compile("teacher's logits", Logits(r.Teacher.Net), r.Teacher.Weights)
	if err != nil {
		return 0, err
	}
	var layout []weights.Tensor
	dtype := weights.DType("F16")
	if o.Whole {
		dtype = "F32"
	}
	for epoch := range r.Protocol.Epochs {
		shape := []int{r.Train.Len(), top}
		layout = append(layout, weights.Tensor{Name: fmt.Sprintf("logits.%d", epoch), DType: dtype, Shape: shape})
		if top < classes {
			layout = append(layout, weights.Tensor{Name: fmt.Sprintf("classes.%d", epoch), DType: "U16", Shape: shape})
		}
		if rest > 0 {
			layout = append(layout, weights.Tensor{Name: fmt.Sprintf("rest.%d", epoch), DType: dtype, Shape: shape[:1]})
		}
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		out, err := weights.NewWriter(w, layout, map[string]string{"mgd3": string(facts)})
		if err != nil {
			return err
		}
		if err := r.storeAll(ctx, out, program, o.Whole, top, rest); err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return 0, err
	}
	element := map[bool]int{true: 4, false: 2}[o.Whole]
	row := element * top
	if top < classes {
		row += 2 * top
	}
	if rest > 0 {
		row += element
	}
	return int64(row * r.Protocol.Epochs * r.Train.Len()), nil
}

// storeAll writes the epochs.
func (r *Run) storeAll(ctx context.Context, w io.Writer, program *engine.Program, whole bool, top int,
	rest float64) error {
	t := &training{Run: r, counts: r.Train.weights()}
	classes := len(r.Train.Classes)
	number := func(values []float32) []byte {
		if whole {
			return weights.F32("", []int{len(values)}, values).Bytes()
		}
		return weights.F16("", []int{len(values)}, values).Bytes()
	}
	var values, rests []float32
	var which bytes.Buffer
	for b, err := range ahead(ctx, t.plans(0), waiting, t.fill) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		x, err := r.Engine.Tensor(b.x, len(b.rows), 3, r.Protocol.Size, r.Protocol.Size)
		if err != nil {
			return err
		}
		out := make([]float32, len(b.rows)*classes)
		err = errors.Join(program.Take(out, x), x.FinalizeAll())
		if err != nil {
			return err
		}
		for row := range slices.Chunk(out, classes) {
			order := largest(row, top)
			for _, class := range order {
				values = append(values, row[class])
				which.Write(binary.LittleEndian.AppendUint16(nil, uint16(class)))
			}
			if rest > 0 {
				rests = append(rests, together(row, order, rest))
			}
		}
		if b.index < t.steps()-1 {
			continue
		}
		if _, err := w.Write(number(values)); err != nil {
			return err
		}
		if top < classes {
			if _, err := w.Write(which.Bytes()); err != nil {
				return err
			}
		}
		if _, err := w.Write(number(rests)); err != nil {
			return err
		}
		values, rests = values[:0], rests[:0]
		which.Reset()
		if r.Report != nil {
			r.Report(Event{Net: r.Net, Seed: r.Seed, Epoch: b.epoch + 1, Epochs: r.Protocol.Epochs})
		}
	}
	return ctx.Err()
}

// largest returns the places of the n largest values, the first of equal ones first; of all in their order.
func largest(values []float32, n int) []int {
	places := make([]int, len(values))
	for i := range places {
		places[i] = i
	}
	if n < len(values) {
		slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	}
	return places[:n]
}

// together returns t·ln of the mean of exp(v/t) over the values that are not at the places given.
func together(values []float32, places []int, t float64) float32 {
	var rest []float64
	for i, v := range values {
		if !slices.Contains(places, i) {
			rest = append(rest, float64(v)/t)
		}
	}
	return float32(t * (floats.LogSumExp(rest) - math.Log(float64(len(rest)))))
}

// OpenStored opens stored labels: a file, or a folder of FKD's files, see fkd.
func OpenStored(ctx context.Context, path string) (*Stored, error) {
	for _, name := range []string{"epoch_0", poolOfBatches} {
		if there, err := atomicfile.Exists(filepath.Join(path, name)); err == nil && there {
			return openFKD(ctx, path)
		}
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Stored{file: f, epoch: -1}
	if err := json.Unmarshal([]byte(f.Metadata()["mgd3"]), &s.facts); err != nil || s.facts.Top < 1 {
		return nil, errors.Join(fmt.Errorf("%q: %w: it has no metadata %q of \"mgd3 relabel\"", path, ErrStored,
			"mgd3"),
			f.Close())
	}
	if s.ID, err = f.SHA256(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Stored) Close() error {
	if s.fkd != nil {
		return nil
	}
	return s.file.Close()
}

// Teacher is what is known of the teacher.
func (s *Stored) Teacher() TeacherFacts { return s.facts.Teacher }

// check holds the labels against a run.
func (s *Stored) check(ctx context.Context, r *Run) error {
	if s.fkd != nil {
		return s.fkd.check(ctx, r)
	}
	f := s.facts
	switch {
	case f.Seed != r.Seed:
		return fmt.Errorf("%w: they are of seed %d, want %d: each seed has its own file", ErrStored, f.Seed, r.Seed)
	case f.Epochs < r.Protocol.Epochs:
		return fmt.Errorf("%w: they are of %d epochs, want %d", ErrStored, f.Epochs, r.Protocol.Epochs)
	case f.Rest != 0 && f.Rest != r.Protocol.Temperature:
		return fmt.Errorf("%w: what is left out has its share at the temperature %v, want %v", ErrStored, f.Rest,
			r.Protocol.Temperature)
	case !slices.Equal(f.Classes, r.Train.Classes):
		return fmt.Errorf("%w: they are of the classes %q, want %q", ErrStored, f.Classes, r.Train.Classes)
	}
	stream, err := r.stream(ctx)
	if err == nil && stream != f.Stream {
		err = fmt.Errorf("%w: images, batch, size, augmentation or CutMix differ", ErrStored)
	}
	return err
}

// absent stands for a logit that is not kept: its share is 0 at every temperature.
const absent = -1e30

// of returns the logits [n, classes] of a batch; first is its first image's place in the epoch.
func (s *Stored) of(b *batch, first int) (*tensors.Tensor, error) {
	if s.fkd != nil {
		return s.fkd.of(b)
	}
	if s.epoch != b.epoch {
		t, err := s.file.Tensor(fmt.Sprintf("logits.%d", b.epoch))
		if err == nil {
			s.logits, err = t.Float32s()
		}
		s.classes, s.rest = nil, nil
		if err == nil && s.facts.Rest != 0 {
			if t, err = s.file.Tensor(fmt.Sprintf("rest.%d", b.epoch)); err == nil {
				s.rest, err = t.Float32s()
			}
		}
		if err == nil && s.facts.Top < len(s.facts.Classes) {
			if t, err = s.file.Tensor(fmt.Sprintf("classes.%d", b.epoch)); err == nil {
				s.classes, err = t.Int64s()
			}
		}
		if err != nil {
			return nil, err
		}
		s.epoch = b.epoch
	}
	n, k, all := len(b.rows), s.facts.Top, len(s.facts.Classes)
	if len(s.logits) < (first+n)*k || s.classes != nil && len(s.classes) < (first+n)*k ||
		s.rest != nil && len(s.rest) < first+n {
		return nil, fmt.Errorf("%w: epoch %d has %d logits, want more", ErrStored, b.epoch, len(s.logits))
	}
	logits := s.logits[first*k : (first+n)*k]
	if s.classes == nil {
		return tensors.FromFlatDataAndDimensions(slices.Clone(logits), n, all), nil
	}
	dense := slices.Repeat([]float32{absent}, n*all)
	if s.rest != nil {
		for i := range dense {
			dense[i] = s.rest[first+i/all]
		}
	}
	for i, class := range s.classes[first*k : (first+n)*k] {
		if class >= int64(all) {
			return nil, fmt.Errorf("%w: class %d of %d", ErrStored, class, all)
		}
		dense[i/k*all+int(class)] = logits[i]
	}
	return tensors.FromFlatDataAndDimensions(dense, n, all), nil
}

// softened is an [engine.Func] of logits: what [Teacher.labels] makes of them.
func softened(temperature float64) engine.Func {
	return func(_ engine.Params, in []*Node) []*Node { return []*Node{Softmax(DivScalar(in[0], temperature))} }
}
