package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// judgePrelude makes what the commands of docs/judge.md name: three classes of real images as cifar10.zip and, by the
// names of ImageNet's first three, as imagenet; sets as they are published; a teacher that knows these classes, and its
// labels in FKD.
const judgePrelude = `
copypublished published
tinyimages cifar10.zip 6
tinyimages more 2
mv more/train cifar10.zip/test
tinyimages imagenet 6
mv imagenet/train imagenet/val
mv imagenet/val/cat imagenet/val/n01440764
mv imagenet/val/dog imagenet/val/n01443537
mv imagenet/val/owl imagenet/val/n01484850
tinyimages set 1
tinyimages numbered 1
mv numbered/train/cat numbered/new000
mv numbered/train/dog numbered/new001
mv numbered/train/owl numbered/new002
rm numbered/train
cp published/res_DM_CIFAR10_ConvNet_2ipc.pt res_DC_CIFAR10_ConvNet_10ipc.pt
cp published/res_DM_CIFAR10_ConvNet_2ipc.pt res_DM_CIFAR10_ConvNet_10ipc.pt
cp published/data_best.pt data_best.pt
cp published/plain.npz x.npz
cp published/numpy.pt x.pt
cp published/plain.safetensors x.safetensors
mkdir hub
packimages set/train parquet hub/train.parquet
mgd3 evaluate --quiet --train imagenet --train-split val --test imagenet --test-split val --net convnet1 ` +
	`--size 16 --protocol soft-f1 --epochs 1 --out soft --teacher train --teacher-net resnet18 --teacher-data ` +
	`imagenet --teacher-split val --teacher-epochs 8
totorch soft/teacher/resnet18-16/net.safetensors resnet18.pth
mgd3 relabel --quiet --train numbered --class-names imagenet1k --test imagenet --test-split val --net ` +
	`resnet18 --size 16 --protocol sre2l --epochs 1 --teacher resnet18.pth --format fkd --out FKD
mkdir LPQLD
cp FKD/epoch_0/batch_0.tar LPQLD/batch_0.tar
cp order.json LPQLD/sampler_indices_batch.json
`

// judgeRows say for each row of the table, by what it has in "made by", which folder of the prelude is its FOLDER, and
// what is added so that the fixtures, of 8 pixels, do for networks of larger images.
var judgeRows = map[string]struct{ folder, more string }{
	"DC":      {},
	"DSA, DM": {},
	"MTT, TESLA, FTD, DATM, EDF without whitening":   {folder: "published/mtt"},
	"the same with `--zca` (most settings of CIFAR)": {"published/zca", "--net convnet2"}, // of 4 pixels
	"GLaD, images of 128 pixels":                     {"published/mtt", "--size 32"},
	"IDC, DREAM, NCFM":                               {},
	"DD-Ranking's input":                             {folder: "published/ddranking"},
	"SRe2L, CDA, G-VBSM and others":                  {"numbered", "--size 16"},
	"the same with its labels":                       {"numbered", "--size 16"},
	"LPLD, LPQLD: pruned labels":                     {"numbered", "--size 16"},
	"RDED, CaO2":                                     {"numbered", "--size 16"},
	"Minimax, MGD³":                                  {"set", "--size 64"},
	"somebody, NumPy":                                {},
	"somebody, PyTorch":                              {},
	"somebody, safetensors":                          {},
	"the Hugging Face hub":                           {folder: "hub"},
}

// judgeWords say for flags that are named in the text of the page, with a value, which sets they are tried on, where it
// is not x.pt with cifar10.zip.
var judgeWords = map[string]string{
	"--pixels zca":   "--train published/zca TEST --zca-split train --net convnet1 --zca-from cifar10.zip",
	"--zca-from SET": "--train published/zca TEST --zca-split train --net convnet1 --pixels zca",
	"--collage 2":    "--train data_best.pt TEST --net convnet1",

	"--net dc-ConvNet,dc-AlexNet,dc-VGG11,dc-ResNet18":          "--train x.pt TEST --size 32",
	"--test cifar10.zip --test-split test":                      "--train x.pt --net convnet1",
	"--train set real=cifar10.zip --train-split train --ipc 10": "--net convnet1 TEST",

	"--referee resnet18.pth --referee-net resnet18": "--train numbered --class-names imagenet1k --test imagenet " +
		"--test-split val --size 16 --net convnet1",
}

// judgeOthers are flags on the page that are none of evaluate.
var judgeOthers = map[string]string{"--set": "mgd3 score", "--zca": "MTT's program"}

// judgeText returns the commands of the page's text: those that stand alone, and what it says of single flags, with
// their values; a flag without one is looked for among those of evaluate.
func judgeText(t *testing.T, page string) (script string) {
	list, err := os.ReadFile("testdata/flags.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, flags, _ := strings.Cut(string(list), "\nmgd3 evaluate\n")
	flags, _, _ = strings.Cut(flags, "\nmgd3 ")
	seen := map[string]bool{}
	tried := func(command string) {
		command = strings.ReplaceAll(command, "TEST", "--test cifar10.zip --test-split test")
		command = strings.NewReplacer("FILE-OR-FOLDER", "x.pt", "SET", "cifar10.zip").Replace(command)
		script += fmt.Sprintf("\n%s --epochs 1\nstdout '%%'\n", command)
	}
	for line := range strings.SplitSeq(page, "\n") {
		if command, ok := strings.CutPrefix(line, "    mgd3 "); ok {
			tried("mgd3 " + command)
		}
	}
	for i, words := range strings.Split(page, "`") {
		words = strings.Join(strings.Fields(words), " ")
		if i%2 == 0 || !strings.HasPrefix(words, "--") || seen[words] {
			continue
		}
		seen[words] = true
		of, ok := judgeWords[words]
		name, _, valued := strings.Cut(words, " ")
		switch {
		case judgeOthers[words] != "":
		case !strings.Contains(flags, "  "+name+" "):
			t.Errorf("%q is no flag of mgd3 evaluate", words)
		case ok:
			tried("mgd3 evaluate " + of + " " + words)
		case valued:
			tried("mgd3 evaluate --train x.pt --net convnet1 TEST " + words)
		}
	}
	for words := range judgeWords {
		if !seen[words] {
			t.Errorf("the page does not name %q", words)
		}
	}
	return script
}

// TestJudgePage runs every command of docs/judge.md as it is printed, but for the words in capitals, on a set of the
// family's form, for one epoch; and every flag with a value that its text names.
func TestJudgePage(t *testing.T) {
	if testing.Short() {
		t.Skip("trains networks of full width: 20 s")
	}
	page, err := os.ReadFile("../../docs/judge.md")
	if err != nil {
		t.Fatal(err)
	}
	script, seen := judgePrelude, map[string]bool{}
	for line := range strings.SplitSeq(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[3], "`mgd3 ") {
			continue
		}
		made := strings.TrimSpace(cells[1])
		row, ok := judgeRows[made]
		if !ok {
			t.Fatalf("no fixture for the row %q", made)
		}
		seen[made] = true
		command := strings.Trim(strings.TrimSpace(cells[3]), "`")
		command = strings.ReplaceAll(command, "TEST", "--test cifar10.zip --test-split test")
		command = strings.ReplaceAll(command, "FOLDER", row.folder)
		script += fmt.Sprintf("\n# %s\n%s --epochs 1 %s\nstdout '%%'\n", made, command, row.more)
	}
	for made := range judgeRows {
		if !seen[made] {
			t.Errorf("the page has no row %q", made)
		}
	}
	script += judgeText(t, string(page))
	script += "\n-- order.json --\n{\"0\": [0, 2, 1]}\n" // torch.randperm(3) of a generator with seed 42
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "judgepage.txtar"), []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, Cmds: scriptCommands})
}
