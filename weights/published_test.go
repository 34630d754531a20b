package weights_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/weights"
)

// models is the folder of trained weights beside the repository.
const models = "../../shared/models"

// TestPublishedArchives: archives that several versions of PyTorch wrote hold the same tensors, to the byte, as their
// safetensors copies.
func TestPublishedArchives(t *testing.T) {
	for _, c := range golden.Some(t, "archives") {
		var made struct {
			Tensors  int
			Archives []struct{ File, Prefix string }
			Copy     string
		}
		c.Decode(t, &made)
		for _, a := range made.Archives {
			t.Run(c.Name+"/"+a.File, func(t *testing.T) {
				sameArchive(t, c.Path(a.File), c.Path(made.Copy), a.Prefix,
					made.Tensors)
			})
		}
	}
	if _, err := os.Stat(models); err != nil {
		return // these are not in the repository
	}
	for _, c := range []struct {
		archive, copied string
		tensors         int
	}{
		{"taef2/taef2_encoder.pth", "taef2/taef2_encoder.safetensors", 79},
		{"taef2/taef2_decoder.pth", "taef2/taef2_decoder.safetensors", 79},
		{"resnet-cifar10/resnet20-12fca82f.th", "resnet-cifar10/resnet20-12fca82f.safetensors", 97},
		{"lpips-squeeze/lpips_squeeze.pt", "lpips-squeeze/lpips_squeeze.safetensors", 66},
		{"lpips-squeeze/lpips_lin_v0.1_squeeze.pth", "lpips-squeeze/lpips_squeeze.safetensors", 7},
	} {
		t.Run(filepath.Base(c.archive), func(t *testing.T) {
			sameArchive(t, filepath.Join(models, c.archive), filepath.Join(models, c.copied), "module.", c.tensors)
		})
	}
}

// sameArchive demands n tensors of an archive, those of its copy under names without the prefix.
func sameArchive(t *testing.T, path, copyPath, prefix string, n int) {
	t.Helper()
	archive, copied := openFile(t, path), openFile(t, copyPath)
	if have := len(archive.Names()); have != n {
		t.Errorf("%d tensors, want %d", have, n)
	}
	for _, name := range archive.Names() {
		wantSame(t, archive, name, copied, strings.TrimPrefix(name, prefix))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(content)
	if got, err := archive.SHA256(t.Context()); err != nil || got != hex.EncodeToString(want[:]) {
		t.Errorf("SHA-256 %s, %v, want %x", got, err, want)
	}
}

func openFile(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// wantSame demands the same type, shape and bytes.
func wantSame(t *testing.T, a *weights.File, nameA string, b *weights.File, nameB string) {
	t.Helper()
	left, errA := a.Tensor(nameA)
	right, errB := b.Tensor(nameB)
	if errA != nil || errB != nil || left.DType != right.DType || !slices.Equal(left.Shape, right.Shape) ||
		!bytes.Equal(left.Bytes(), right.Bytes()) {
		t.Errorf("%s (%s %v) and %s (%s %v) differ: %v, %v", nameA, left.DType, left.Shape, nameB, right.DType,
			right.Shape, errA, errB)
	}
}
