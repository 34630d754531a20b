package dataset

import (
	"strings"
	"testing"
)

// TestFaxTIFF: fax codes, which were read with black and white exchanged, are refused by name.
func TestFaxTIFF(t *testing.T) {
	for packed := range 3 {
		file := "II*\x00\x08\x00\x00\x00\x01\x00\x03\x01\x03\x00\x01\x00\x00\x00" + string(rune(packed+2)) + "\x00\x00\x00\x00\x00\x00\x00"
		if _, err := decodeTIFF([]byte(file)); err == nil || !strings.Contains(err.Error(), "fax codes") {
			t.Errorf("compression %d: %v, want that fax codes are not read", packed+2, err)
		}
	}
}
