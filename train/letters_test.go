package train

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/glyphs"
	"mgd3/glyphs/model"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// TestLettersKnowTheirPrompts: testdata/letters is what the commands in docs/training.md make, a model of five letters.
// Of images that it has not seen, with noise, it predicts the noise best when it is told the right letter: more often
// than chance would have it.
func TestLettersKnowTheirPrompts(t *testing.T) {
	const folder = "testdata/letters"
	e := testengine.Open(t)
	ctx := t.Context()
	letters := []string{"A", "B", "C", "D", "E"}
	encoder, err := text.Open(ctx, e, filepath.Join(folder, textFolder), text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := text.OpenTokenizer(weights.Disk, folder+"/"+tokenizerFolder)
	if err != nil {
		t.Fatal(err)
	}
	var ids [][]int32
	for _, letter := range letters {
		row, err := tok.IDs("letter " + letter)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row)
	}
	context, _, err := encoder.Encode(ctx, ids)
	if err != nil {
		t.Fatal(err)
	}
	net, err := unet.Open(ctx, e, filepath.Join(folder, networkUNet))
	if err != nil {
		t.Fatal(err)
	}
	program, err := e.Compile("letters", net.Func, net.Weights)
	if err != nil {
		t.Fatal(err)
	}
	a, err := latent.OpenFS(ctx, e, model.Files, "autoencoder")
	if err != nil {
		t.Fatal(err)
	}
	chain, err := diffusion.NewChain(diffusion.StableDiffusion(), "")
	if err != nil {
		t.Fatal(err)
	}
	const perLetter, first, size = 12, 1000, 4 * 8 * 8 // the training saw the first 40 of each
	steps := []int{350, 500, 650, 800}
	right := 0
	for class := range letters {
		for i := range perLetter {
			im, err := glyphs.Draw("train", class, uint64(first+i))
			if err != nil {
				t.Fatal(err)
			}
			pixels, x0, eps := make([]float32, 3*32*32), make([]float32, size), make([]float32, size)
			dataset.ToTensor(pixels, im)
			if err := a.EncodeMean(x0, pixels, 32); err != nil {
				t.Fatal(err)
			}
			wrong := make([]float64, len(letters)) // of each prompt, the squared error of the noise
			for _, step := range steps {
				signal, noise := math.Sqrt(chain.AlphaBar[step]), math.Sqrt(1-chain.AlphaBar[step])
				rng.Normals(rng.Stream(1, "noise", uint64(class), uint64(i), uint64(step)), eps)
				x, times := []float32{}, []float32{}
				for range letters {
					for k := range size {
						x = append(x, float32(signal*float64(x0[k])+noise*float64(eps[k])))
					}
					times = append(times, float32(step))
				}
				out := make([]float32, len(letters)*size)
				if err := program.Take(out, tensors.FromFlatDataAndDimensions(x, len(letters), 4, 8, 8),
					tensors.FromValue(times),
					tensors.FromFlatDataAndDimensions(context, len(letters), text.Length, net.ContextDim)); err != nil {
					t.Fatal(err)
				}
				for at, v := range out {
					d := float64(v - eps[at%size])
					wrong[at/size] += d * d
				}
			}
			if slices.Index(wrong, slices.Min(wrong)) == class {
				right++
			}
		}
	}
	n := perLetter * len(letters)
	t.Logf("%d of %d", right, n)
	// By chance 12 of 60 are right, with a deviation of 3.1: four of them are more.
	if right < 25 {
		t.Errorf("the right prompt is best for %d of %d images, want at least 25", right, n)
	}
}
