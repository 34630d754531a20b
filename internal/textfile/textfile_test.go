package textfile

import (
	"errors"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, text, want, err string }{
		{"plain", "a\nb", "a\nb", ""},
		{"marked", "\ufeffa", "a", ""},
		{"mark within", "a\ufeff", "a\ufeff", ""},
		{"empty", "", "", ""},
		{"mark alone", "\ufeff", "", ""},
		{"lines of Windows", "a\r\nb\r\n", "a\nb\n", ""},
		{"lines of old Macs", "a\rb\r\r", "a\nb\n\n", ""},
		{"Latin-1 after lines of old Macs", "a\rcaf\xe9", "", "line 2 has the byte 0xe9"},
		{"UTF-16, little end first", "\xff\xfea\x00", "", "UTF-16"},
		{"UTF-16, big end first", "\xfe\xff\x00a", "", "UTF-16"},
		{"UTF-16 without a mark", "a\x00b\x00", "", "line 1 has a zero"},
		{"Latin-1", "a\ncaf\xe9", "", "line 2 has the byte 0xe9"},
		{"two marks", "\ufeff\ufeffa", "", "two marks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Clean([]byte(c.text))
			if string(got) != c.want || (err == nil) != (c.err == "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (!errors.Is(err, ErrText) || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
