package lease

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mgd3/internal/process"
)

// ErrCut says that others work on a stage that is cut in another way.
var ErrCut = errors.New("other workers have cut it in another way")

const done = ".done"

func isDone(name string) bool { return strings.HasSuffix(name, done) }

// board is what a worker knows of a round.
type board struct {
	stage  string
	pieces int
	n      int // the round
	start  int // the piece that it begins with
	leases map[int]seen
	done   map[int]bool
	over   bool // the round has ended
}

// seen is the newest lease of a piece, as it was seen.
type seen struct {
	n       int       // its number
	put     time.Time // by the store
	watched time.Time // since when it has been so, by this machine's monotonic clock
	holder  *process.ID
}

// expired: see the laws of the package.
func (s seen) expired(now time.Time, term time.Duration) bool {
	if s.watched.IsZero() {
		return false // nobody has looked at it yet
	}
	watched := time.Since(s.watched)
	return watched >= term || watched >= term/2 && now.Sub(s.put) >= term
}

func (b *board) round() string { return fmt.Sprintf("%s-%d.%d", b.stage, b.pieces, b.n) }

func (b *board) key(piece int) string { return fmt.Sprintf("%s-%04d", b.round(), piece) }

func (b *board) all() bool { return len(b.done) == b.pieces }

// free returns a piece that nobody had when the worker looked.
func (b *board) free() (int, bool) {
	for i := range b.pieces {
		piece := (b.start + i) % b.pieces
		if _, leased := b.leases[piece]; !leased && !b.done[piece] {
			b.start = piece
			return piece, true
		}
	}
	return 0, false
}

// join finds the round to work in: the one that others are in, or a new one.
func (w *Worker) join(ctx context.Context, stage string, pieces int) (*board, error) {
	b := &board{stage: stage, pieces: pieces, n: 1, start: w.start(pieces), done: map[int]bool{},
		leases: map[int]seen{}}
	list, err := w.Store.List(ctx, stage+"-")
	if err != nil {
		return nil, err
	}
	ended := map[string]bool{} // rounds, of any cut
	for name := range list {
		if o, ok := parse(name); ok && o.stage == stage && o.piece < 0 {
			ended[fmt.Sprintf("%d.%d", o.pieces, o.round)] = true
			if o.pieces == pieces {
				b.n = max(b.n, o.round+1)
			}
		}
	}
	for name := range list {
		o, ok := parse(name)
		if !ok || o.stage != stage || o.piece < 0 || ended[fmt.Sprintf("%d.%d", o.pieces, o.round)] {
			continue
		}
		if o.pieces != pieces {
			return nil, fmt.Errorf("%s: %w: in %d pieces, and here in %d", stage, ErrCut, o.pieces, pieces)
		}
		b.n = max(b.n, o.round)
	}
	b.take(list)
	return b, nil
}

// look learns what there is now.
func (w *Worker) look(ctx context.Context, b *board) error {
	list, err := w.Store.List(ctx, b.stage+"-")
	if err == nil {
		b.take(list)
	}
	return err
}

// take takes what is on the list for what there is.
func (b *board) take(list map[string]time.Time) {
	before := b.leases
	b.leases = map[int]seen{}
	for name, put := range list {
		o, ok := parse(name)
		switch {
		case !ok || o.stage != b.stage || o.pieces != b.pieces:
		case o.piece < 0:
			b.over = b.over || o.round >= b.n
		case o.round != b.n || o.piece >= b.pieces:
			b.over = b.over || o.round > b.n
		case o.lease == 0:
			b.done[o.piece] = true
		case o.lease > b.leases[o.piece].n:
			s := seen{n: o.lease, put: put, watched: time.Now()}
			if was := before[o.piece]; was.n == s.n {
				s.holder = was.holder
				if was.put.Equal(put) {
					s.watched = was.watched
				}
			}
			b.leases[o.piece] = s
		}
	}
}

// object is what the name of an object says.
type object struct {
	stage                string
	pieces, round, piece int // the piece is -1 where the round is meant
	lease                int // 0 is done
}

// parse reads a name; see the package comment.
func parse(name string) (o object, ok bool) {
	stage, rest, _ := strings.Cut(name, "-")
	o.stage, o.piece = stage, -1
	rest, isDone := strings.CutSuffix(rest, done)
	if !isDone {
		i := strings.LastIndexByte(rest, '.')
		if i < 0 {
			return o, false
		}
		if o.lease, ok = number(rest[i+1:]); !ok || o.lease == 0 {
			return o, false
		}
		rest = rest[:i]
	}
	of, piece, hasPiece := strings.Cut(rest, "-")
	pieces, round, _ := strings.Cut(of, ".")
	var okPieces, okRound, okPiece = false, false, true
	o.pieces, okPieces = number(pieces)
	o.round, okRound = number(round)
	if hasPiece {
		o.piece, okPiece = number(piece)
	}
	return o, okPieces && okRound && okPiece && (hasPiece || isDone)
}

func number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}
