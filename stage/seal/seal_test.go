package seal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"
)

// TestKnownSum: the polynomial is Castagnoli's; the sum of "123456789" is the check value of CRC-32C in RFC 3720.
func TestKnownSum(t *testing.T) {
	if have, want := Digits(crc32.Checksum([]byte("123456789"), Table)), "e3069283"; have != want {
		t.Errorf("got %s, want %s", have, want)
	}
}

// TestJSON: an object is sealed as its last fields, whatever it holds, and one without fields has no place for a seal.
func TestJSON(t *testing.T) {
	for _, c := range []struct {
		v      any
		indent string
		sealed bool
	}{
		{map[string]int{"a": 1}, "  ", true},
		{map[string]string{"crc": `"crc32c": "00000000"`}, "\t", true}, // the words of a seal in a string are none
		{struct{ A []string }{[]string{"}\n"}}, "", true},
		{struct{}{}, "  ", false},
	} {
		text, err := JSON(c.v, c.indent)
		if err != nil {
			t.Fatal(err)
		}
		if sealed, err := Check(text); sealed != c.sealed || err != nil {
			t.Errorf("%s: sealed %v, error %v; want sealed %v", text, sealed, err, c.sealed)
		}
		again := bytes.Clone(text)
		Put(again)
		if !bytes.Equal(again, text) && c.sealed {
			// the digits are in the place of zeros, so that a second Put would sum other bytes
			copy(again[bytes.Index(again, []byte(Of))+len(Of):], text[bytes.Index(text, []byte(Of))+len(Of):])
			if !bytes.Equal(again, text) {
				t.Errorf("Put changed more than the digits:\n%s\n%s", text, again)
			}
		}
	}
}

// TestEveryFlipIsFound: no changed bit leaves a sealed text as it was, or makes it one without a seal.
func TestEveryFlipIsFound(t *testing.T) {
	text, err := JSON(map[string]any{"class": "cat", "rows": []int{1, 2, 3}}, "  ")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(text) {
		changed := bytes.Clone(text)
		changed[i/8] ^= 1 << (i % 8)
		if sealed, err := Check(changed); !sealed || !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d of byte %d (%q): sealed %v, error %v; want an ErrDamaged", i%8, i/8, text[i/8], sealed,
				err)
		}
	}
}

// TestFind: half a seal is a damaged one; none is none.
func TestFind(t *testing.T) {
	of := fmt.Sprintf("%q: %q", KeyOf, Of)
	for text, want := range map[string]struct {
		at      int
		damaged bool
	}{
		`{"a": 1}`:                            {-1, false},
		`{"crc32c": "1a2b3c4d"}`:              {-1, true},
		`{` + of + `}`:                        {-1, true},
		`{"crc32c": "1a2b3c4d", ` + of + `}`:  {12, false},
		`{"crc32c": "1A2B3C4D", ` + of + `}`:  {-1, true}, // digits are small letters
		`{"crc32c":  "1a2b3c4d", ` + of + `}`: {-1, true}, // at most one space
	} {
		if at, err := Find([]byte(text)); at != want.at || errors.Is(err, ErrDamaged) != want.damaged {
			t.Errorf("%s: at %d, error %v; want %d, damaged %v", text, at, err, want.at, want.damaged)
		}
	}
}
