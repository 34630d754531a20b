package glyphs

import "math/rand/v2"

// colour is red, green and blue, 0..255.
type colour [3]int64

// tone is a range of colours, from low to high in each channel.
type tone struct{ low, high colour }

func (t tone) draw(r *rand.Rand) colour {
	var c colour
	for i := range c {
		c[i] = between(r, t.low[i], t.high[i])
	}
	return c
}

// light returns the luma of ITU-R BT.601, 0..255.
func (c colour) light() int64 { return (299*c[0] + 587*c[1] + 114*c[2]) / 1000 }

// pattern is what is on the ground below a letter.
type pattern int

const (
	plain    pattern = iota
	gradient         // from one colour to the other, all across
	halves           // two colours and an edge between them
	stripes          // of both colours in turn
)

// scene is one way to set a letter: the modes of the set.
type scene struct {
	share    int // of the images, percent
	pattern  pattern
	ground   [2]tone // of both colours
	ink      tone
	noise    int64 // standard deviation in levels, at most
	blurring int   // times blurred, at most
}

// grey returns a tone near the line of greys.
func grey(low, high int64) tone { return tone{colour{low, low, low}, colour{high, high, high}} }

var (
	white  = grey(225, 255)
	cream  = tone{colour{225, 210, 165}, colour{250, 240, 215}}
	black  = grey(0, 45)
	wild   = grey(0, 255)
	ocean  = tone{colour{0, 40, 110}, colour{40, 100, 190}}
	forest = tone{colour{0, 70, 30}, colour{60, 120, 80}}
	fire   = tone{colour{170, 10, 0}, colour{235, 70, 50}}
	sun    = tone{colour{220, 170, 0}, colour{255, 225, 70}}
	chalk  = tone{colour{200, 200, 170}, colour{255, 255, 235}}
	stone  = grey(90, 165)
)

// scenes are not equally common: ten images drawn by chance miss some.
var scenes = []scene{
	{share: 22, pattern: plain, ground: [2]tone{white, white}, ink: black, noise: 4, blurring: 1},       // a page
	{share: 13, pattern: gradient, ground: [2]tone{cream, stone}, ink: black, noise: 10, blurring: 2},   // old paper
	{share: 14, pattern: plain, ground: [2]tone{black, black}, ink: chalk, noise: 6, blurring: 1},       // a screen
	{share: 10, pattern: gradient, ground: [2]tone{forest, forest}, ink: chalk, noise: 12, blurring: 2}, // a blackboard
	// a street sign
	{share: 8, pattern: plain, ground: [2]tone{ocean, ocean}, ink: white, noise: 4, blurring: 1},
	// a number plate
	{share: 6, pattern: plain, ground: [2]tone{sun, sun}, ink: black, noise: 4, blurring: 1},
	// a book's back
	{share: 6, pattern: halves, ground: [2]tone{fire, black}, ink: white, noise: 6, blurring: 1},
	{share: 7, pattern: stripes, ground: [2]tone{white, cream}, ink: fire, noise: 4, blurring: 1}, // wrapping
	{share: 6, pattern: halves, ground: [2]tone{sun, white}, ink: ocean, noise: 6, blurring: 1},   // a poster
	{share: 8, pattern: gradient, ground: [2]tone{wild, wild}, ink: wild, noise: 14, blurring: 2}, // a photograph
}

// contrast is the least difference in light between a letter and its ground.
const contrast = 70

// colours draws the colours of a scene: of the ground and of the ink, well apart.
func (s scene) colours(r *rand.Rand) (ground [2]colour, ink colour) {
	for {
		ground, ink = [2]colour{s.ground[0].draw(r), s.ground[1].draw(r)}, s.ink.draw(r)
		a, b, c := ground[0].light(), ground[1].light(), ink.light()
		if c-max(a, b) >= contrast || min(a, b)-c >= contrast {
			return ground, ink
		}
	}
}

// pick draws a scene by its share.
func pick(r *rand.Rand) scene {
	n := r.IntN(100)
	for _, s := range scenes {
		if n -= s.share; n < 0 {
			return s
		}
	}
	panic("glyphs: the shares of the scenes are below 100")
}
