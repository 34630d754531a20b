package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestMain makes the test binary stand in for mgd3 in the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mgd3": main,
	})
}

// TestScript runs the shell sessions in testdata/script. Beside the usual commands they have
//
//	tinymodel DIR [SEED]   write a model folder
//	tinyfound DIR LABEL…   write a model in the layouts that models are found in; the label imagenet is 1,000
//	texttoimage DIR KIND   write a latent diffusion model as diffusers has it: sd1, sd2, sdxl or ldm
//	tinyimages DIR N       write N images of each class below DIR/train
//	tinyfeatures DIR       write the network of score --features
//	totorch FILE FILE [old]  write tensors as torch.save does, or did before PyTorch 1.6
//	totorch FILE FILE average  as the average in a checkpoint of a training, beside zeros
//	packimages DIR FORMAT OUT   write the images of DIR as webdataset, parquet or classtars
//	sametree DIR DIR       compare the visible files of two folders byte by byte
//	copypublished DIR      copy the sets as others publish them
//	siximages DIR NAME…    write the six images of those sets as folders of the classes
//	cut FILE N             take the last N bytes off a file
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: scriptCommands,
	})
}

var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"tinymodel":    tinyModel,
	"weightsof":    weightsOf,
	"tinyfound":    tinyFound,
	"pipeline":     pipeline,
	"texttoimage":  textToImage,
	"tinyimages":   tinyImages,
	"tinyfeatures": tinyFeatures,
	"totorch":      toTorch,
	"packimages":   packImages,
	"sametree":     sameTree,
	"cut":          cutFile,

	"copypublished": copyPublished,
	"siximages":     sixImages,
}

func tinyModel(ts *testscript.TestScript, _ bool, args []string) {
	seed := 1
	if len(args) > 1 {
		seed = number(ts, args[1])
	}
	ts.Check(fixtures.Model(ts.MkAbs(args[0]), uint64(seed)))
}

// pipeline copies a pipeline of diffusers: pipeline DIR sd1, sd2 or sdxl.
func pipeline(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(goldenPipelines+args[1])))
}

func textToImage(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(fixtures.TextToImage(ts.MkAbs(args[0]), args[1]))
}

// goldenPipelines is what the paths of the goldens begin with, from the folder of this package.
var goldenPipelines = func() string {
	dir, err := filepath.Abs("../../testdata/golden")
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, "sd_pipeline_small_")
}()

func copyPublished(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(published)))
}

// published is the folder of the sets as others publish them.
var published = func() string {
	dir, err := filepath.Abs("../../tensorset/testdata")
	if err != nil {
		panic(err)
	}
	return dir
}()

func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data[:len(data)-number(ts, args[1])], 0o600))
}

func tinyFound(ts *testscript.TestScript, _ bool, args []string) {
	labels := args[1:]
	if len(labels) == 1 && labels[0] == "imagenet" {
		labels = make([]string, 1000)
		for i := range labels {
			labels[i] = fmt.Sprintf("thing %d", i)
		}
		labels[0], labels[999] = "tench, Tinca tinca", "toilet tissue, toilet paper, bathroom tissue"
	}
	ts.Check(fixtures.Found(ts.MkAbs(args[0]), labels))
}

func tinyImages(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(fixtures.Images(ts.MkAbs(args[0]), number(ts, args[1])))
}

func tinyFeatures(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(fixtures.Features(ts.MkAbs(args[0])))
}

// weightsOf is "weightsof FILE OUT": it writes the hashes of the trained nets that a JSON text names.
func weightsOf(ts *testscript.TestScript, _ bool, args []string) {
	hashes := regexp.MustCompile(`"weights": ?"[0-9a-f]{64}"`).FindAllString(ts.ReadFile(args[0]), -1)
	if len(hashes) == 0 {
		ts.Fatalf("%s names no weights", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(hashes, "\n")), 0o666))
}

func toTorch(ts *testscript.TestScript, _ bool, args []string) {
	f, err := weights.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	list, err := pytorch.Read(f)
	ts.Check(err)
	archive := pytorch.Torch(list, nil)
	content := archive.Zip()
	switch {
	case len(args) > 2 && args[2] == "average":
		content = pytorch.Averaged(list).Zip()
	case len(args) > 2:
		content = archive.Old()
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), content, 0o666))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func sameTree(ts *testscript.TestScript, neg bool, args []string) {
	err := compareTrees(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	if neg && err == nil {
		ts.Fatalf("%s and %s are the same", args[0], args[1])
	}
	if !neg {
		ts.Check(err)
	}
}

// compareTrees says how the visible files of two folders differ.
func compareTrees(a, b string) error {
	filesA, errA := fixtures.Files(a)
	filesB, errB := fixtures.Files(b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if len(filesA) == 0 {
		return fmt.Errorf("%s has no files", a)
	}
	var faults []error
	for name, data := range filesA {
		if other, ok := filesB[name]; !ok {
			faults = append(faults, fmt.Errorf("%s is only in %s", name, a))
		} else if data != other {
			faults = append(faults, fmt.Errorf("%s differs", name))
		}
	}
	for name := range filesB {
		if _, ok := filesA[name]; !ok {
			faults = append(faults, fmt.Errorf("%s is only in %s", name, b))
		}
	}
	return errors.Join(faults...)
}
