package evaluate

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/optim"
)

// Protocol says how a network is trained and tested, to the last constant. Two accuracies may stand in one table only
// if their protocols have the same name.
//
//	preset    labels  epochs          images   published  from
//	hard      hard    by IPC: Epochs  224      best       Minimax's and MGD³'s programs (arXiv:2311.15529, 2505.18963)
//	soft      soft    300             224      best       RDED's program (arXiv:2312.03526), patches shuffled
//	soft-f1   soft    300             224      best       the same for images that are no collages: no shuffling
//	quick     hard    hard's / 10     as hard  last       ours, to explore; see quickProtocol
//
// field.go has those of DC, DSA, DM, MTT, SRe2L and their followers.
//
// They all look at 224 pixels, to which smaller images are enlarged, unless all images to train on are smaller: then
// at the largest short side of these.
type Protocol struct {
	Name string `json:"name"` // of the preset, and what was changed in it: "quick (epochs=50)"

	Labels      string  `json:"labels"`                // Hard or Soft
	Temperature float64 `json:"temperature,omitempty"` // of soft labels; see Divergence

	Size      int  `json:"size"`       // pixels of a side that the nets see
	TrainSize int  `json:"train_size"` // pixels of a side of training images before they are augmented
	Norm      Norm `json:"norm"`       // of the nets
	// of the nets' products and convolutions; "" is float32. With bf16 weights and all else are float32:
	// [engine.Params.Mixed]
	Precision engine.Precision `json:"precision,omitempty"`

	Epochs    int       `json:"epochs"`
	Batch     int       `json:"batch"`      // images of a step; the last step of an epoch takes what is left
	TestBatch int       `json:"test_batch"` // decides speed, not results
	Optimiser Optimiser `json:"optimiser"`
	Schedule  Schedule  `json:"schedule"`

	Augment Augment `json:"augment"`
	DSA     DSA     `json:"dsa,omitzero"`    // of a batch, once its images are normalised; zero: none
	Whiten  bool    `json:"whiten,omitzero"` // all images are whitened by the training set before they are augmented
	CutMix  float64 `json:"cutmix"`          // probability per batch; the mixture is drawn from Beta(1, 1)

	Validation Validation `json:"validation"`
	Publish    string     `json:"publish"` // Best or Last, whichever the tables take; both are always reported
}

// Labels of a protocol.
const (
	Hard = "hard" // the class, mixed where images are
	Soft = "soft" // what a teacher says of the very image that the net sees
)

// What a protocol publishes.
const (
	Last = "last" // accuracy after the last epoch
	Best = "best" // best accuracy on the test data of all validated epochs: it selects on test data
)

// Optimiser is how a protocol's nets step; see package optim.
type Optimiser struct {
	Kind          string  `json:"kind"` // SGD or AdamW
	Rate          float64 `json:"rate"` // at the start
	Momentum      float64 `json:"momentum,omitempty"`
	Beta1         float64 `json:"beta1,omitempty"`
	Beta2         float64 `json:"beta2,omitempty"`
	Epsilon       float64 `json:"epsilon,omitempty"`
	Decay         float64 `json:"decay"`
	DecayMatrices bool    `json:"decay_matrices_only"` // spares biases and norms
}

// Kinds of optimisers.
const (
	SGD   = "sgd"
	AdamW = "adamw"
)

// Validation says after which epochs, 1, 2, … the test data are looked at: beyond After Phase and all multiples of
// Every after it, and the last.
type Validation struct {
	After int `json:"after"`
	Every int `json:"every"`
	Phase int `json:"phase,omitzero"`
	Times int `json:"times,omitzero"` // that a training is tested: Every follows from it; 0: it does not
}

// At reports whether epoch of epochs, from 1, is validated.
func (v Validation) At(epoch, epochs int) bool {
	return epoch == epochs || epoch > v.After && epoch%v.Every == v.Phase%v.Every
}

// Facts are what a preset depends on.
type Facts struct {
	IPC     int    // images per class, of the class that has most
	Classes int    //
	Images  int    // of all classes
	Size    int    // pixels of the largest short side of the images to train on, or Published if that is less; see Side
	Net     string // as New takes it

	Rate float64 // learned with the images; 0 if there is none
}

// Presets lists the names of the presets.
func Presets() []string {
	return []string{"hard", "soft", "soft-f1", "quick", "dc", "dsa", "mtt", "mtt-zca", "idc", "sre2l", "rded", "cao2"}
}

// Preset returns the protocol of the given name for such a set.
func Preset(name string, f Facts) (Protocol, error) {
	if f.IPC < 1 || f.Classes < 1 || f.Images < 1 || f.Size < 1 {
		return Protocol{}, fmt.Errorf("%d images per class, %d classes, %d images of %d pixels: want at "+
			"least 1 each", f.IPC, f.Classes, f.Images, f.Size)
	}
	switch name {
	case "hard":
		return hardProtocol(f), nil
	case "soft":
		return softProtocol(f, 2), nil
	case "soft-f1":
		return softProtocol(f, 1), nil
	case "quick":
		return quickProtocol(f), nil
	case "dc":
		return dcProtocol(f), nil
	case "dsa":
		return dsaProtocol(f), nil
	case "mtt", "mtt-zca":
		return mttProtocol(f, name == "mtt-zca"), nil
	case "idc":
		return idcProtocol(f), nil
	case "sre2l":
		return sre2lProtocol(f), nil
	case "rded", "cao2":
		return renamed(softProtocol(f, 2), name), nil
	}
	return Protocol{}, fmt.Errorf("protocol %q is not known, want one of %s", name,
		strings.Join(Presets(), ", "))
}

// Published is the size that all published programs look at, in pixels.
const Published = 224

// hardProtocol is that of the programs of IDC, Minimax and MGD³.
func hardProtocol(f Facts) Protocol {
	size := min(Published, f.Size)
	p := Protocol{
		Name: "hard", Labels: Hard, Norm: Instance,
		Size: size, TrainSize: size,
		Batch: 64, TestBatch: 32,
		Optimiser: Optimiser{Kind: SGD, Rate: 0.01, Momentum: 0.9, Decay: 5e-4},
		Schedule:  Schedule{Kind: Steps, Factor: 0.2},
		Augment:   hardAugment(), CutMix: 1,
		Publish: Best,
	}
	if f.Classes > 100 {
		p.Batch, p.Optimiser.Rate, p.Optimiser.Decay = 128, 0.1, 1e-4
	}
	p.setEpochs(Epochs(f.IPC, f.Classes))
	return p
}

// Epochs is how long the hard-label programs train.
func Epochs(ipc, classes int) int {
	epochs := 300
	for _, row := range []struct{ ipc, epochs int }{{500, 500}, {200, 1000}, {50, 1500}, {10, 2000}, {1, 3000}} {
		if ipc <= row.ipc {
			epochs = row.epochs
		}
	}
	if classes == 100 {
		epochs = 2 * epochs / 3 / 100 * 100
	}
	return epochs
}

// softProtocol is that of RDED's program; factor is that of its patch shuffling. Its training images are of 224
// pixels; larger ones come with the margin that its test images have.
func softProtocol(f Facts, factor int) Protocol {
	size := min(Published, f.Size)
	if strings.HasPrefix(f.Net, "convnet") {
		size = min(128, f.Size)
	}
	p := Protocol{
		Name: "soft", Labels: Soft, Temperature: 20, Norm: BatchTwice,
		Size: size, TrainSize: margin(size),
		Batch: softBatch(f), TestBatch: 32,
		Optimiser: Optimiser{Kind: AdamW, Rate: softRate(f.Net), Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Decay: 0.01,
			DecayMatrices: true},
		Schedule: Schedule{Kind: HalfCosine},
		Augment:  softAugment(factor, size), CutMix: 1,
		Publish: Best,
	}
	if factor == 1 {
		p.Name = "soft-f1"
	}
	p.setEpochs(300)
	return p
}

// margin is the short side of images of which RDED takes the central size pixels, where that is no smaller.
func margin(size int) int { return max(size, size/7*8) }

// Colours of ImageNet's images.
var (
	colourMean = [3]float64{0.485, 0.456, 0.406}
	colourStd  = [3]float64{0.229, 0.224, 0.225}
)

func hardAugment() Augment {
	return Augment{
		Centre: true, Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4.0 / 3}, Flip: 0.5,
		Jitter: Jitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4}, Lighting: 0.1,
		Mean: colourMean, Std: colourStd,
	}
}

func softAugment(factor, size int) Augment {
	a := Augment{
		Shuffle: factor, Scale: [2]float64{1 / float64(factor), 1}, Ratio: [2]float64{0.75, 4.0 / 3}, Antialias: true,
		Flip: 0.5,
		Mean: colourMean, Std: colourStd,
	}
	if margin(size) > size {
		a.Margin = [2]int{7, 8}
	}
	return a
}

// softBatch is RDED's choice for 1, 10 and 50 images per class, and the next lower of these for others.
func softBatch(f Facts) int {
	batch := 10
	switch {
	case f.Classes == 200: // Tiny ImageNet
		batch = 100
	case f.IPC >= 50:
		batch = 100
	case f.IPC >= 10:
		batch = 50
	}
	if f.Classes == 100 || f.Classes == 1000 {
		batch *= 2
	}
	return min(batch, f.Images)
}

// softRate is RDED's choice (argument.py); it takes 1e-3 for ResNets and ConvNets, and 1e-4 for the transformers that
// it knows, ViT-B and Swin v2-T: ours are other sizes of these.
func softRate(net string) float64 {
	switch {
	case strings.HasPrefix(net, "vgg11"):
		return 5e-4
	case net == "alexnet", strings.HasPrefix(net, "vit_"), strings.HasPrefix(net, "swin_"):
		return 1e-4
	case net == "efficientnet_b0":
		return 2e-3
	case net == "mobilenet_v2":
		return 2.5e-3
	}
	return 1e-3
}

// quickProtocol is hard for exploring, with a tenth of its epochs and one test, at the end. Other rates, batches and
// less CutMix did no better in that time: docs/evaluate.md has the figures.
func quickProtocol(f Facts) Protocol {
	p := hardProtocol(f)
	p.Name, p.Publish = "quick", Last
	p.TestBatch = 100
	p.setEpochs(p.Epochs / 10)
	return p
}

// TeacherProtocol is how a teacher is trained where none is given: as hard, on the full set, with batch norm, whole
// labels (no CutMix), and a published accuracy that selects nothing. RDED's teachers come ready-made.
func TeacherProtocol(f Facts) Protocol {
	p := hardProtocol(f)
	p.Name, p.Norm, p.Publish, p.CutMix = "teacher", Batch, Last, 0
	p.Batch, p.TestBatch, p.Optimiser.Rate = 128, 100, 0.05
	p.setEpochs(60)
	return p
}

// setEpochs sets the number of epochs, and what hangs on it.
func (p *Protocol) setEpochs(epochs int) {
	p.Epochs = epochs
	if p.Schedule.Kind == Steps {
		p.Schedule.Milestones = thirds(epochs)
	}
	switch {
	case p.Validation.Phase > 0: // of all epochs alike
	case p.Validation.Times > 0:
		p.Validation.Every = max(1, epochs/p.Validation.Times)
	case p.Labels == Soft:
		p.Validation = Validation{After: 4 * epochs / 5, Every: 10}
	case p.Publish == Last:
		p.Validation = Validation{Every: max(1, epochs)}
	default:
		p.Validation = Validation{Every: max(1, epochs/100)}
	}
}

// Check names the first field out of its range.
func (p Protocol) Check() error {
	positive := func(fields map[string]int) error {
		for name, v := range fields {
			if v < 1 {
				return fmt.Errorf("%s is %d, want at least 1", name, v)
			}
		}
		return nil
	}
	err := positive(map[string]int{"size": p.Size, "epochs": p.Epochs, "train size": p.TrainSize, "batch": p.Batch,
		"test batch": p.TestBatch, "validation period": p.Validation.Every})
	o := p.Optimiser
	switch {
	case err != nil:
	case p.Labels != Hard && p.Labels != Soft:
		err = fmt.Errorf("labels are %q, want %q or %q", p.Labels, Hard, Soft)
	case p.Labels == Soft && !(p.Temperature > 0):
		err = fmt.Errorf("temperature is %v, want more than 0", p.Temperature)
	case p.testSize() < p.Size:
		err = fmt.Errorf("test images have a short side of %d pixels, want at least the %d that the nets see",
			p.testSize(), p.Size)
	case o.Kind != SGD && o.Kind != AdamW:
		err = fmt.Errorf("optimiser is %q, want %q or %q", o.Kind, SGD, AdamW)
	case !(o.Rate > 0) || !(o.Decay >= 0) || math.IsInf(o.Rate+o.Decay, 1):
		err = fmt.Errorf("rate is %v and decay %v, want more than 0, and at least 0", o.Rate, o.Decay)
	case !(p.CutMix >= 0 && p.CutMix <= 1):
		err = fmt.Errorf("cutmix is %v, want a probability", p.CutMix)
	case p.Precision != "" && p.Precision != engine.BF16:
		err = fmt.Errorf("precision is %q, want %q or %q", p.Precision, engine.Float32, engine.BF16)
	case p.Publish != Best && p.Publish != Last:
		err = fmt.Errorf("publish is %q, want %q or %q", p.Publish, Best, Last)
	default:
		err = p.Schedule.Check()
	}
	if err != nil {
		return fmt.Errorf("protocol %s: %w", p.Name, err)
	}
	return nil
}

// testSize returns the short side of test images before the centre is taken.
func (p Protocol) testSize() int {
	if m := p.Augment.Margin; m[0] > 0 {
		return p.Size / m[0] * m[1]
	}
	return p.Size
}

// TrainData and TestData say how the images are to be read.
func (p Protocol) TrainData() DataOptions { return DataOptions{Size: p.TrainSize, Whiten: p.Whiten} }
func (p Protocol) TestData() DataOptions  { return DataOptions{Size: p.testSize(), Whiten: p.Whiten} }

func (p Protocol) loss() Loss {
	if p.Labels == Soft {
		return Divergence(p.Temperature)
	}
	return CrossEntropy
}

// net returns f in the precision of the protocol.
func (p Protocol) net(f engine.Func) engine.Func {
	if p.Precision != engine.BF16 {
		return f
	}
	return func(params engine.Params, in []*graph.Node) []*graph.Node { return f(params.Mixed(), in) }
}

func (p Protocol) stepper() Stepper {
	if p.Optimiser.Kind == AdamW {
		return p.adamW()
	}
	return optim.SGD{Momentum: p.Optimiser.Momentum, Decay: p.Optimiser.Decay}
}

func (p Protocol) adamW() optim.AdamW {
	o := p.Optimiser
	a := optim.AdamW{Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, Decay: o.Decay}
	if o.DecayMatrices {
		a.Decays = optim.Matrices
	}
	return a
}

// at returns what the stepper takes last: step counts from 1, epoch from 0.
func (p Protocol) at(epoch, step int) *tensors.Tensor {
	rate := p.Optimiser.Rate * p.Schedule.Scale(epoch, p.Epochs)
	if p.Optimiser.Kind == AdamW {
		return tensors.FromValue(p.adamW().At(rate, step))
	}
	return tensors.FromScalar(float32(rate))
}
