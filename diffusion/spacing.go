package diffusion

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Spacing is how diffusers' schedulers spread the steps they take, by the name in their configuration.
type Spacing string

// The spacings; [Respace] says what they are.
const (
	Leading  Spacing = "leading"
	Linspace Spacing = "linspace"
	Trailing Spacing = "trailing"
)

// Respacing returns what [Respace] takes for n steps so spaced. Offset is that of the first one, of Leading alone.
func (s Spacing) Respacing(n, offset int) string {
	if s == Leading && offset != publishedOffset {
		return fmt.Sprintf("%s%d+%d", s, n, offset)
	}
	return fmt.Sprintf("%s%d", s, n)
}

// publishedOffset is the first step of the Leading spacing, if it does not say another: that of Stable Diffusion.
const publishedOffset = 1

var spacings = []struct {
	name  string
	space func(n string, total int) ([]int, error)
}{
	{string(Leading), respaceLeading},
	{string(Linspace), respaceLinspace},
	{string(Trailing), respaceTrailing},
}

// respaceLeading takes the distance total/n, rounded down.
func respaceLeading(n string, total int) ([]int, error) {
	offset := publishedOffset
	n, from, given := strings.Cut(n, "+")
	if given {
		var err error
		if offset, err = strconv.Atoi(from); err != nil || offset < 0 || offset >= total {
			return nil, fmt.Errorf("its first step is %q, want 0 to %d", from, total-1)
		}
	}
	want, err := parseSteps(n, total)
	if err != nil {
		return nil, err
	}
	steps := stride(offset, total/want, want)
	if last := steps[want-1]; last >= total {
		return nil, fmt.Errorf("the last step would be %d, want at most %d", last, total-1)
	}
	return steps, nil
}

// respaceLinspace multiplies the distance, as numpy.linspace does, where spread adds it up.
func respaceLinspace(n string, total int) ([]int, error) {
	want, err := parseSteps(n, total)
	if err != nil {
		return nil, err
	}
	steps := make([]int, want)
	for i, at := range line(0, float64(total-1), want) {
		steps[i] = int(math.RoundToEven(at))
	}
	return steps, nil
}

// respaceTrailing counts down from total. numpy.arange, which diffusers calls, has a step of -1 more for a few numbers
// whose quotient is rounded up; it is none.
func respaceTrailing(n string, total int) ([]int, error) {
	want, err := parseSteps(n, total)
	if err != nil {
		return nil, err
	}
	end, ratio := float64(total), float64(total)/float64(want)
	distance := end - ratio - end
	steps := make([]int, want)
	for i := range steps {
		steps[want-1-i] = int(math.RoundToEven(end+float64(float64(i)*distance))) - 1
	}
	return steps, nil
}

// parseSteps reads a number of steps of a process of total.
func parseSteps(text string, total int) (int, error) {
	n, err := parseCount(text)
	if err == nil && (n < 1 || n > total) {
		err = fmt.Errorf("want 1 to %d steps", total)
	}
	return n, err
}

// ddimStride is how far back diffusers' DDIM looks for the noise it goes to: total/n, rounded down. With these two
// spacings no step need be kept there; it is 0 for the others, which have one.
func ddimStride(spec string, total, n int) int {
	for _, s := range []Spacing{Linspace, Trailing} {
		if strings.HasPrefix(strings.TrimSpace(spec), string(s)) {
			return total / n
		}
	}
	return 0
}
