// Package exits says what an error means to who called the program: the exit code, and what to do about it.
package exits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mgd3/baseline"
	"mgd3/cluster"
	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/diffusion/scheduler"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/bench"
	"mgd3/internal/cli"
	"mgd3/internal/fault"
	"mgd3/internal/words"
	"mgd3/model"
	"mgd3/modes"
	"mgd3/prompt"
	"mgd3/scoring"
	"mgd3/sd"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/lease"
	"mgd3/text"
	"mgd3/train"
	"mgd3/weights"
	"mgd3/weights/hub"
)

// Exit codes; docs/exit-codes.md explains them. Scripts depend on the numbers: a new meaning gets a new one.
const (
	OK          = 0
	Failed      = 1   // anything not named below
	Usage       = 2   // wrong flags or arguments
	Input       = 3   // the images or the class list
	Model       = 4   // the weights or their configuration
	Output      = 5   // the output folder
	Backend     = 6   // the backend is not to be had here
	Verify      = 7   // the set differs from its manifest
	Hub         = 8   // the hub does not give what mgd3 pull asks for
	Scheduler   = 9   // the scheduler of a cluster refused, or is not to be had here
	Interrupted = 130 // Ctrl-C
)

// Failure gives an error its exit code and, perhaps, advice.
type Failure struct {
	error
	code int
	hint string
}

func (f Failure) Unwrap() error { return f.error }

// Fail gives err, if any, its exit code and advice.
func Fail(code int, hint string, err error) error {
	if err == nil {
		return nil
	}
	return Failure{err, code, hint}
}

// Mistaken gives a mistake in a command line its exit code and advice.
func Mistaken(err error) error {
	var m *cli.Mistake
	if errors.As(err, &m) {
		return Fail(Usage, m.Hint, m.Err)
	}
	return err
}

// Remake is the advice where a file of a run is damaged.
const Remake = "run the command that made the set once more: it makes again what is damaged or missing"

// Unreadable gives an error of an image its advice where there is no --skip-bad.
func Unreadable(err error) error {
	var f Failure
	// An image that this program made is made again; one with advice of its own needs no other.
	if !errors.Is(err, dataset.ErrImage) || fault.KindOf(err) == fault.Made || errors.As(err, &f) && f.hint != "" {
		return err
	}
	return Fail(Input, "take the image out of the set, or put a good one in its place", err)
}

// codes are the exit codes of what is at fault.
var codes = map[fault.Kind]int{fault.Usage: Usage, fault.Input: Input, fault.Model: Model, fault.Output: Output,
	fault.Made: Output}

const sameClasses = "sets must have the same classes, by the names of their folders; --classes takes some of them"

// advice is what Diagnose knows of errors by their kind, the first that fits.
var advice = []struct {
	kind error
	code int
	hint string
}{
	// The order decides where an error is of two kinds: what the system says of a disk comes first, and a missing file,
	// which many kinds wrap, near the end.
	{syscall.ENOSPC, Output, "the disk is full: make room and run the same command again, it continues from here"},
	{syscall.EDQUOT, Output, "the disk quota is used up: make room and run the same command again, it " +
		"continues from here"},
	{syscall.EROFS, Output, "the output folder cannot be written: use another --out"},
	{syscall.EFBIG, Output, "the system allows no larger file there: see ulimit -f"},
	{syscall.ENAMETOOLONG, Output, "file systems allow 255 bytes in a name: use a shorter one"},
	{stage.ErrUnclear, Output, "remove the file, and run the command that made the folder: what was made under " +
		"the same settings stays, all else is made again"},
	{stage.ErrDamaged, Output, Remake},
	{stage.ErrOther, Output, "use another --out, or remove the folder to make it anew"},
	{distill.ErrShard, Input, "a shard is the --out of a distill or a sample with --shard"},
	{stage.ErrStage, Input, `the stages are encode, modes and sample, in this order; "mgd3 distill" runs them all`},
	{stage.ErrBusy, Output, "wait for it, or use another --out"},
	{lease.ErrCut, Usage, "give all workers the same --shard any/N"},
	{cluster.ErrFailed, Scheduler, "\"mgd3 cluster status OUT\", where its volume is seen, or \"kubectl logs\" " +
		"has the last " +
		"words of each; mend it, and the same command goes on"},
	{cluster.ErrScheduler, Scheduler, "Slurm's commands are on login nodes, and kubectl where the cluster is " +
		"administered; without them --print shows the scripts, and kubernetes without --apply the YAML"},
	{cluster.ErrCut, Usage, `wait for them, or take them out with "mgd3 cluster cancel"; or give the same --tasks`},
	{cluster.ErrNoRun, Usage, "give the --out of \"mgd3 cluster slurm\"; \"mgd3 serve OUT\" shows how any run goes on"},
	{modes.ErrTooFew, Input, "use --ipc with at most the number of images, or --short-class repeat to fill up " +
		"with real latents"},
	{distill.ErrLabels, Model, "--classes takes the classes of the model only; its classes.txt lists them in " +
		"label order"},
	{distill.ErrModel, Model, "use the autoencoder and the denoiser that belong together, and leave --size out: " +
		"it is then what the denoiser was made for"},
	{evaluate.ErrDiverged, Failed, "a lower --rate makes smaller steps"},
	{train.ErrSettings, Usage, ""},
	{train.ErrDiverged, Failed, "a lower --rate or a --clip makes smaller steps; remove OUT/training to begin " +
		"anew"},
	{evaluate.ErrStored, Input, `"mgd3 relabel" with the same set, protocol, changes and seed makes them`},
	{evaluate.ErrTeacher, Model, "--teacher-classes gives the classes in the order of the teacher's outputs, a " +
		"list by name or a file with one a line; --teacher-unchecked takes it as it is"},
	{evaluate.ErrNoClassifier, Model, "its tensors need torchvision's names, or timm's of a network that has the " +
		`same; "mgd3 inspect FILE" shows what is in a file`},
	{dataset.ErrNumbered, Input, "--class-names LIST gives the names of 0, 1 and so on, by which the sets are " +
		"then compared"},
	{sets.ErrPixels, Input, "docs/judge.md says what --pixels takes, and by what evidence auto decides"},
	{dataset.ErrLabels, Input, "--labels NAME takes one of them"},
	{dataset.ErrOneKind, Input, "leave --labels out"},
	{dataset.ErrList, Input, "a list of classes is one that the program knows by name, or a file with one class " +
		"a line"},
	{evaluate.ErrData, Input, sameClasses},
	{sets.ErrClasses, Input, sameClasses},
	{compare.ErrGiven, Usage, ""},
	{compare.ErrHeldOut, Input, "give more images of each class, or hold a smaller share out"},
	{text.ErrTooLong, Input, "give it fewer words by --prompt or --prompts: the bare name of the class goes best " +
		"with " +
		"the pull to modes"},
	{text.ErrNoTokenizer, Model, "a pipeline has a folder tokenizer, with vocab.json and merges.txt, beside " +
		"text_encoder"},
	{prompt.ErrMissing, Input, "give the file a line for each class, or take --prompt TEMPLATE in its place"},
	{prompt.ErrFile, Input, "docs/models.md has an example"},
	{prompt.ErrTemplate, Usage, `such as "a photo of a {name}"`},
	{sd.ErrPipeline, Model, "a pipeline has unet, vae, text_encoder, tokenizer and scheduler; a checkpoint has " +
		"all " +
		"of it in one file"},
	{scheduler.ErrScheduler, Model, ""},
	{model.ErrDiT, Usage, "leave --prediction out"},
	{model.ErrSize, Usage, "give it as --size"},
	{weights.ErrForeign, Model, "the file's content was never fetched, or the download failed"},
	{weights.ErrMismatch, Model, "the weights are of another model than the config.json beside them, or of none " +
		"that is known; docs/models.md lists what is read"},
	{weights.ErrChoice, Model, `"mgd3 inspect FILE" shows what is in it`},
	{weights.ErrRange, Model, "--bf16 has the range of float32"},
	{weights.ErrUnreadable, Model, ""},
	{weights.ErrKind, Model, "the file is damaged, or neither a safetensors file nor one of torch.save"},
	{weights.ErrFormat, Model, ""},
	{engine.ErrMemory, Failed, "--batch auto looks for the largest batch that fits, in a new --out; --precision " +
		"bf16 needs about half the memory"},
	{engine.ErrPlugin, Backend, `a CUDA plugin comes with pip install "jax[cuda12]" (or cuda13); --plugin FILE ` +
		`says where one is; docs/gpu.md has more`},
	{engine.ErrBackend, Backend, `"--backend cpu", the default, works everywhere, "--backend xla:cuda" on GPUs of ` +
		`NVIDIA; docs/gpu.md has more`},
	{dataset.ErrPassedOver, Input, "without --strict this is a warning"},
	{dataset.ErrLeaves, Input, "without --follow-links=false such links are followed"},
	{dataset.ErrUnread, Input, "put it back, or take it out of the set; --skip-bad passes over damaged images " +
		"only"},
	{dataset.ErrImage, Input, "--skip-bad passes over images that cannot be read, and lists them"},
	{atomicfile.ErrWrite, Output, ""},
	{atomicfile.ErrNotRegular, Output, ""},
	{hub.ErrUnlisted, Usage, `"mgd3 pull" lists what has a name; anything else goes by ORG/NAME`},
	{hub.ErrTerms, Usage, "--accept-licence says that you have read it and accept it"},
	{scoring.ErrNoCache, Usage, "--latents names the folder of the real images' latents; with --data and --model " +
		"they are made"},
	{scoring.ErrNoLatents, Usage, "with --model the images are encoded"},
	{bench.ErrLine, Input, `lines of "mgd3 bench" or bench/compare.py are wanted`},
	{bench.ErrFile, Input, ""},
	{fs.ErrNotExist, Failed, ""},
	{sets.ErrTensors, Input, "a set of tensors has images of shape [N, C, H, W] and labels of shape [N], in one " +
		"file or in two of a folder; docs/judge.md has the other forms"},
	{dataset.ErrSet, Input, "a set is CLASS/FILE, or SPLIT/CLASS/FILE with --split SPLIT; docs/data.md has the " +
		"other layouts"},
	{fs.ErrPermission, Output, `"ls -l" shows who may read and write it; whoever owns it can let you ("chmod")`},
}

// Diagnose returns the exit code of an error, and advice if there is any.
func Diagnose(err error) (code int, hint string) {
	if errors.Is(err, context.Canceled) { // whatever it interrupted
		return Interrupted, "nothing is lost: run the same command again to continue from here"
	}
	// a store that is away is the reason of whatever failed
	if hint, ok := ofStore(err); ok {
		return Output, hint
	}
	var f Failure
	errors.As(err, &f)
	if inner := (Failure{}); f.error != nil && f.hint == "" && errors.As(f.error, &inner) { // who wraps it knows less
		f = inner
	}
	if f.code == 0 {
		f.code = codes[fault.KindOf(err)]
	}
	if f.code == Input && errors.Is(err, stage.ErrDamaged) { // a file of a run, whoever reads it
		f.code = Output
	}
	// From here on f.code is what the caller or the package said, 0 if nobody did: it wins against the code of the
	// table, whose advice is good either way.
	var changed *sets.ChangedError
	var network *evaluate.NetworkError
	var method *baseline.MethodError
	switch {
	case f.hint != "":
		return f.code, f.hint
	case errors.As(err, &changed):
		return Verify, fmt.Sprintf(`"mgd3 verify %s" lists all that differ; %s`, changed.Run, Remake)
	case errors.As(err, &network):
		if near := cli.Nearest(network.Name, network.Have); near != "" {
			return cmp.Or(f.code, Failed), fmt.Sprintf("did you mean %q?", near)
		}
	case errors.As(err, &method):
		if near := cli.Nearest(method.Name, method.Names()); near != "" {
			return cmp.Or(f.code, Usage), fmt.Sprintf("did you mean %q?", near)
		}
	case fault.KindOf(err) == fault.Made:
		return Output, Remake
	case errors.Is(err, atomicfile.ErrWrite) && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, syscall.ENOTDIR)):
		return cmp.Or(f.code, Output), "nothing can be written there: take a place in a folder that you may write to"
	}
	for _, a := range advice {
		if errors.Is(err, a.kind) {
			return cmp.Or(f.code, a.code), cmp.Or(a.hint, missing(err))
		}
	}
	return cmp.Or(f.code, Failed), missing(err)
}

// Message is what the user reads of an error.
func Message(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return words.Plain(err)
}
