package dataset

import (
	"strings"
	"testing"
)

func TestNetpbm(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       *RGB
		err        string
	}{
		{"grey", "P5\n2 1\n255\n\x07\x08", &RGB{W: 2, H: 1, Pix: []byte{7, 7, 7, 8, 8, 8}}, ""},
		{"colour", "P6 1 2 255 abcdef", &RGB{W: 1, H: 2, Pix: []byte("abcdef")}, ""},
		{"comments", "P5 # a\n#b\n1\t# c\n1 255\n\n", &RGB{W: 1, H: 1, Pix: []byte("\n\n\n")}, ""},
		{"cut", "P6 1 2 255 abcde", nil, "have 5 of 6 bytes of pixels"},
		{"no header", "P5", nil, "not of three numbers"},
		{"comment to the end", "P5 #", nil, "not of three numbers"},
		{"sixteen bits", "P5 2 1 65535 \x00\x07ab", &RGB{W: 2, H: 1, Pix: []byte{7, 7, 7, 255, 255, 255}}, ""},
		{"of 15", "P5 3 1 15 \x00\x07\x0f", &RGB{W: 3, H: 1, Pix: []byte{0, 0, 0, 119, 119, 119, 255, 255, 255}}, ""},
		{"bits", "P4 2 1 \x40", &RGB{W: 2, H: 1, Pix: []byte{255, 255, 255, 0, 0, 0}}, ""},
		{"bits in digits", "P1 2 1 01", &RGB{W: 2, H: 1, Pix: []byte{255, 255, 255, 0, 0, 0}}, ""},
		{"colour in digits", "P3 1 1 100 #c\n0 50 100", &RGB{W: 1, H: 1, Pix: []byte{0, 128, 255}}, ""},
		{"colour of 1000 in bytes", "P6 1 1 1000 \x00\x00\x01\xf4\x03\xe8", &RGB{W: 1, H: 1, Pix: []byte{0, 128, 255}},
			""},
		{"too large", "P2 1 1 9 10", nil, "a value of 10, want up to 9"},
		{"no values", "P5 1 1 0 a", nil, "values up to 0"},
		{"huge", "P5 100000 100000 255 a", nil, "want from 1 to"},
		{"nothing", "P5 0 1 255 a", nil, "want from 1 to"},
		{"header ends", "P5 1 1 255", nil, "have 0 of 1 bytes"},
	} {
		got, err := Decode([]byte(c.data))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		must(t, err)
		wantImage(t, c.name, got, c.want)
	}
}
