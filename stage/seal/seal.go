// Package seal puts a checksum of a file into the file's own JSON.
//
// Two strings of the JSON are its seal:
//
//	"crc32c":    "1a2b3c4d"    the CRC-32C (Castagnoli) of all bytes of the file, with 0 in the place of these digits
//	"crc32c_of": "this file, with 0 for these digits"
//
// A CRC of 32 bits finds every change of up to three bits in files of up to 268 MB, and of others all but one in 2³².
// There are two strings so that a changed bit cannot turn a file with a checksum into one without: a file
// that has one of them is damaged.
package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
)

// The strings of a seal.
const (
	Key   = "crc32c"
	KeyOf = "crc32c_of"
	Blank = "00000000"
	Of    = "this file, with 0 for these digits"
)

// ErrDamaged says that a file's bytes are not those that were written.
var ErrDamaged = errors.New("is damaged")

// Table is the polynomial, which processors count with.
var Table = crc32.MakeTable(crc32.Castagnoli)

var (
	digits = regexp.MustCompile(`"` + Key + `":\s?"([0-9a-f]{8})"`)
	about  = regexp.MustCompile(`"` + KeyOf + `":\s?"` + Of + `"`)
)

// Find returns where the digits stand in the JSON at the head of a file; at is -1 if it has no seal. One that is not
// whole is an [ErrDamaged].
func Find(text []byte) (at int, err error) {
	place, of := digits.FindSubmatchIndex(text), about.Find(text)
	switch {
	case place != nil && of != nil:
		return place[2], nil
	case place == nil && of == nil:
		return -1, nil
	}
	return -1, fmt.Errorf("%w: its checksum is not whole", ErrDamaged)
}

// Put writes the sum of a text into it, over the [Blank] of its seal.
func Put(text []byte) {
	if at, err := Find(text); at >= 0 && err == nil {
		copy(text[at:], Digits(crc32.Checksum(text, Table)))
	}
}

// JSON is the text of an object that has fields, with its seal as the last of them.
func JSON(v any, indent string) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", indent)
	if err != nil {
		return nil, err
	}
	if n := len(text); n > 3 && string(text[n-2:]) == "\n}" {
		text = fmt.Appendf(text[:n-2], ",\n%[1]s%[2]q: %[3]q,\n%[1]s%[4]q: %[5]q\n}", indent, KeyOf, Of, Key, Blank)
	}
	text = append(text, '\n')
	Put(text)
	return text, nil
}

// Digits are those of a sum.
func Digits(sum uint32) string { return fmt.Sprintf("%08x", sum) }

// Check holds a text against its seal; sealed is false if it has none. Another sum is an [ErrDamaged].
func Check(text []byte) (sealed bool, err error) {
	at, err := Find(text)
	if at < 0 || err != nil {
		return err != nil, err
	}
	want := string(text[at : at+len(Blank)])
	blank := append([]byte{}, text...)
	copy(blank[at:], Blank)
	return true, Compare(crc32.Checksum(blank, Table), want)
}

// Compare holds a sum against the digits of a seal.
func Compare(sum uint32, want string) error {
	if have := Digits(sum); have != want {
		return fmt.Errorf("%w: its CRC-32C is %s, want %s", ErrDamaged, have, want)
	}
	return nil
}
