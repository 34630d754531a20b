package dataset

import (
	"bytes"
	"testing"
)

func TestPlace(t *testing.T) {
	im := &RGB{W: 2, H: 1, Pix: []uint8{1, 2, 3, 4, 5, 6}}
	sheet := White(6, 4)
	sheet.Place(1, 1, im, 2)
	for y := range 4 {
		for x := range 6 {
			want := []byte{0xff, 0xff, 0xff}
			switch {
			case y < 1 || y > 2 || x < 1 || x > 4:
			case x < 3:
				want = []byte{1, 2, 3}
			default:
				want = []byte{4, 5, 6}
			}
			if got := sheet.Pix[3*(y*6+x):][:3]; !bytes.Equal(got, want) {
				t.Errorf("pixel %d, %d is %v, want %v", x, y, got, want)
			}
			if c := sheet.Image().NRGBAAt(x, y); c.R != want[0] || c.G != want[1] || c.B != want[2] || c.A != 0xff {
				t.Errorf("pixel %d, %d of the picture is %v, want %v", x, y, c, want)
			}
		}
	}
}
