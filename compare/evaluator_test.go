package compare

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"sync/atomic"
	"testing"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fixtures/maker"
)

// turned is a JPEG file whose left half is black and right half white, and whose EXIF says that it is to be turned by
// 180 degrees.
func turned(t *testing.T) []byte {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, 16, 16))
	for y := range 16 {
		for x := 8; x < 16; x++ {
			im.Pix[y*16+x] = 255
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, im, nil); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00")
	part := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte("\xff\xd8\xff\xe1"), uint16(len(part)+2))
	return append(append(head, part...), file.Bytes()[2:]...)
}

// TestTests: the test images are read as the real images are, and decoded once for all trainings, whether their
// orientation counts or not.
func TestTests(t *testing.T) {
	file := turned(t)
	for _, ignore := range []bool{false, true} {
		var reads atomic.Int32
		classes := []dataset.Class{{Name: "one", Images: []dataset.Ref{{Class: "one", Name: "a.jpg"}}}}
		set := dataset.FromFunc("set", classes, func(dataset.Ref) ([]byte, error) { reads.Add(1); return file, nil })
		o := maker.New(t, 6)
		o.Settings.Encode.IgnoreEXIF = ignore
		compared := newComparer(&Options{Maker: o, Test: set})
		tried, err := newTrials(t.Context(), o, evaluate.Judge{}, 0.3, set)
		if err != nil {
			t.Fatal(err)
		}
		for name, evaluator := range map[string]*evaluate.Evaluator{"compare": &compared.evaluator,
			"sweep": &tried.evaluator} {
			reads.Store(0)
			for range 3 {
				data, err := evaluator.TestData(evaluate.Protocol{Size: 16})
				if err != nil {
					t.Fatal(err)
				}
				im, err := data.Image(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if black := im.Pix[0] < 128; black != ignore {
					t.Errorf("%s, orientation ignored %v: the upper left pixel is black: %v", name, ignore, black)
				}
			}
			if reads.Load() != 1 {
				t.Errorf("%s, orientation ignored %v: the image was decoded %d times, want once", name, ignore,
					reads.Load())
			}
		}
	}
}
