// Package textfile reads text that people write: lists of names, labels, configurations.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ErrText says that a file is not the text that is wanted.
var ErrText = errors.New("not a text in UTF-8")

// Clean returns text without the mark of the byte order that Windows' editors put before it, its lines ended by "\n"
// alone, whatever system wrote it ("\r\n" on Windows, "\r" on old Macs and by spreadsheets). Text in UTF-16 or in
// another code than UTF-8 is an [ErrText] that says so.
func Clean(text []byte) ([]byte, error) {
	text, marked := bytes.CutPrefix(text, []byte("\ufeff"))
	at, line := 0, 1
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%w: it is in UTF-16: save it as UTF-8", ErrText)
	case marked && bytes.HasPrefix(text, []byte("\ufeff")):
		return nil, fmt.Errorf("%w: it begins with two marks of the byte order", ErrText)
	}
	if bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		switch {
		case r == utf8.RuneError && n == 1:
			return nil, fmt.Errorf("%w: line %d has the byte 0x%02x, of another code: save it as UTF-8", ErrText, line,
				text[at])
		case r == 0:
			return nil, fmt.Errorf("%w: line %d has a zero: is it in UTF-16, or no text? save it as UTF-8", ErrText,
				line)
		case r == '\n':
			line++
		}
		at += n
	}
	return text, nil
}

// Read reads a text of at most most bytes, as [Clean] returns it.
func Read(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrText, most)
	}
	return Clean(data)
}
