package terminal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi/sixel"
)

func TestGraphicsOf(t *testing.T) {
	for _, c := range []struct {
		env  string // NAME=VALUE, with spaces between
		want Graphics
	}{
		{"TERM=xterm-kitty", Kitty}, {"TERM=xterm-256color KITTY_WINDOW_ID=1", Kitty}, {"TERM=xterm-ghostty", Kitty},
		{"TERM=xterm-256color TERM_PROGRAM=iTerm.app", ITerm2}, {"TERM=xterm-256color LC_TERMINAL=iTerm2", ITerm2},
		{"TERM=xterm-256color TERM_PROGRAM=WezTerm", ITerm2}, {"TERM=foot", Sixel}, {"TERM=foot-extra", Sixel},
		{"TERM=xterm-256color KONSOLE_VERSION=240800", Sixel}, {"TERM=xterm-256color", ""}, {"TERM=dumb", ""}, {"", ""},
		{"TERM=tmux-256color TMUX=/tmp/tmux KITTY_WINDOW_ID=1", ""}, {"TERM=screen LC_TERMINAL=iTerm2", ""},
	} {
		got, err := GraphicsOf(func(name string) string {
			for _, set := range strings.Fields(c.env) {
				if key, value, _ := strings.Cut(set, "="); key == name {
					return value
				}
			}
			return ""
		})
		if got != c.want || (c.want == "") != errors.Is(err, ErrNoPictures) {
			t.Errorf("%q: got %q, %v, want %q", c.env, got, err, c.want)
		}
	}
}

// TestShow: what each protocol carries is read back, and is the picture, made smaller for a narrow terminal.
func TestShow(t *testing.T) {
	red := color.NRGBA{255, 0, 0, 255}
	picture := image.NewNRGBA(image.Rect(0, 0, 400, 100))
	for i := range 400 * 100 {
		picture.Set(i%400, i/400, red)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	fromPNG := func(text string) (image.Image, error) {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		return png.Decode(bytes.NewReader(data))
	}
	chunk := regexp.MustCompile(`\x1b_G[^;]*;([^\x1b]*)\x1b\\`)
	for _, c := range []struct {
		how  Graphics
		read func(said string) (image.Image, error)
	}{
		{Kitty, func(said string) (image.Image, error) {
			var data string
			for _, m := range chunk.FindAllStringSubmatch(said, -1) {
				data += m[1]
			}
			return fromPNG(data)
		}},
		{ITerm2, func(said string) (image.Image, error) {
			_, data, _ := strings.Cut(strings.TrimSuffix(said, "\a\n"), ":")
			return fromPNG(data)
		}},
		{Sixel, func(said string) (image.Image, error) {
			_, data, _ := strings.Cut(strings.TrimSuffix(said, "\x1b\\\n"), "q")
			return new(sixel.Decoder).Decode(strings.NewReader(data))
		}},
	} {
		for columns, width := range map[int]int{80: 400, 25: 200} {
			var said bytes.Buffer
			if err := Show(&said, c.how, columns, file.Bytes()); err != nil {
				t.Fatal(err)
			}
			got, err := c.read(said.String())
			if err != nil {
				t.Errorf("%s: %v in %.60q", c.how, err, &said)
				continue
			}
			if b := got.Bounds(); b.Dx() != width || b.Dy() != width/4 {
				t.Errorf("%s, %d columns: a picture of %v, want %d pixels wide", c.how, columns, b, width)
			}
			if r, g, b, _ := got.At(width/2, width/8).RGBA(); r>>8 < 250 || g>>8 > 5 || b>>8 > 5 {
				t.Errorf("%s: the middle is %d %d %d, want red", c.how, r>>8, g>>8, b>>8)
			}
		}
	}
	if err := Show(&bytes.Buffer{}, "post", 80, file.Bytes()); err == nil {
		t.Error("a protocol that is not known shows a picture")
	}
}
