package terminal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/iterm2"
	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"
	"golang.org/x/image/draw"
	"golang.org/x/term"
)

// Graphics is how a terminal is given pictures.
type Graphics string

const (
	Kitty  Graphics = "kitty"  // kitty, Ghostty
	ITerm2 Graphics = "iterm2" // iTerm2, WezTerm, mintty
	Sixel  Graphics = "sixel"  // foot, mlterm, contour, Konsole
)

// AllGraphics are all that are known.
var AllGraphics = []Graphics{Kitty, ITerm2, Sixel}

// ErrNoPictures is wrapped by errors of terminals that cannot be told to show pictures.
var ErrNoPictures = errors.New("this terminal is not known to show pictures")

// GraphicsOf is what the terminal can, by the variables that it sets; nothing is asked of it.
func GraphicsOf(env func(string) string) (Graphics, error) {
	name, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case env("TMUX") != "" || env("STY") != "" || strings.HasPrefix(name, "screen") || strings.HasPrefix(name, "tmux"):
		return "", fmt.Errorf("%w: tmux and screen do not pass them on", ErrNoPictures)
	case env("KITTY_WINDOW_ID") != "" || strings.Contains(name, "kitty") || strings.Contains(name, "ghostty") ||
		program == "ghostty":
		return Kitty, nil
	case slices.Contains([]string{"iTerm.app", "WezTerm", "mintty"}, program) || env("LC_TERMINAL") == "iTerm2":
		return ITerm2, nil
	case strings.HasPrefix(name, "foot") || strings.HasPrefix(name, "mlterm") || strings.HasPrefix(name, "contour") ||
		strings.Contains(name, "sixel") || env("KONSOLE_VERSION") != "":
		return Sixel, nil
	}
	return "", fmt.Errorf("%w (TERM is %q)", ErrNoPictures, name)
}

// CheckShow says what is wrong with a value of --show: "" is not to show, "auto" by what the terminal is.
func CheckShow(how string) error {
	if how == "" || how == "auto" || slices.Contains(AllGraphics, Graphics(how)) {
		return nil
	}
	return fmt.Errorf("--show is %q, want auto, kitty, iterm2 or sixel", how)
}

// Draw shows a picture as --show says, or says in a note why it does not.
func Draw(w io.Writer, how string, env func(string) string, file []byte) (note string, err error) {
	graphics := Graphics(how)
	switch {
	case how == "":
		return "", nil
	case how == "auto" && !Is(w):
		return "not shown: standard output is no terminal", nil
	case how == "auto":
		if graphics, err = GraphicsOf(env); err != nil {
			return fmt.Sprintf("not shown: %v; --show=kitty, iterm2 or sixel tries it", err), nil
		}
	}
	return "", Show(w, graphics, Columns(w), file)
}

// Columns is the width of the terminal that w is, 80 where it is none.
func Columns(w io.Writer) int {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// cell is how many pixels a column of a terminal has at least, so that a picture is not wider than its window.
const cell = 8

// Show writes a picture to a terminal of so many columns, smaller where it would be wider.
func Show(w io.Writer, how Graphics, columns int, file []byte) error {
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	picture = fit(picture, columns*cell)
	switch how {
	case Kitty:
		err = kitty.EncodeGraphics(w, picture, &kitty.Options{Action: kitty.TransmitAndPut, Quiet: 2,
			Transmission: kitty.Direct, Format: kitty.PNG, Chunk: true})
	case ITerm2:
		var small bytes.Buffer
		if err := png.Encode(&small, picture); err != nil {
			return err
		}
		content := make([]byte, base64.StdEncoding.EncodedLen(small.Len()))
		base64.StdEncoding.Encode(content, small.Bytes())
		_, err = io.WriteString(w, ansi.ITerm2(iterm2.File{Inline: true, Size: int64(small.Len()), Content: content}))
	case Sixel:
		var data bytes.Buffer
		if err := new(sixel.Encoder).Encode(&data, picture); err != nil {
			return err
		}
		_, err = io.WriteString(w, ansi.SixelGraphics(0, 1, 0, data.Bytes()))
	default:
		return CheckShow(string(how))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}

// fit is the picture, at most so many pixels wide.
func fit(picture image.Image, width int) image.Image {
	b := picture.Bounds()
	if b.Dx() <= width {
		return picture
	}
	small := image.NewNRGBA(image.Rect(0, 0, width, max(1, b.Dy()*width/b.Dx())))
	draw.CatmullRom.Scale(small, small.Bounds(), picture, b, draw.Src, nil)
	return small
}
