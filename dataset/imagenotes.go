package dataset

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// ImageNote is what notes of one kind say of a set's images: see [RGB].
type ImageNote struct {
	What    string // the kind, in words
	Count   int    // images
	Example string // the first of them in byte order, in quotes
	Detail  string // of the example; "" if What says it all
}

// String says it in one line.
func (n ImageNote) String() string {
	detail := ""
	if n.Detail != "" {
		detail = ": " + n.Detail
	}
	if n.Count == 1 {
		return fmt.Sprintf("image %s: %s%s", n.Example, n.What, detail)
	}
	return fmt.Sprintf("%d images: %s; %s for one%s", n.Count, n.What, n.Example, detail)
}

// ImageNotes collects notes, of each image once. The zero value has none; it may be used from several goroutines.
type ImageNotes struct {
	mu   sync.Mutex
	list []ImageNote
	seen map[uint64]bool
}

var noteSeed = maphash.MakeSeed()

// Add enters an image's note, if it has one. name stands for the image, in quotes.
func (n *ImageNotes) Add(name, note string) {
	if n == nil || note == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := maphash.String(noteSeed, name)
	if n.seen[key] {
		return
	}
	if n.seen == nil {
		n.seen = map[uint64]bool{}
	}
	n.seen[key] = true
	what, detail, _ := strings.Cut(note, ": ")
	i := slices.IndexFunc(n.list, func(have ImageNote) bool { return have.What == what })
	if i < 0 {
		n.list = append(n.list, ImageNote{what, 1, name, detail})
		return
	}
	have := &n.list[i]
	have.Count++
	if name < have.Example {
		have.Example, have.Detail = name, detail
	}
}

// List returns a note for each kind, in byte order.
func (n *ImageNotes) List() []ImageNote {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.SortedFunc(slices.Values(n.list), func(a, b ImageNote) int { return strings.Compare(a.What, b.What) })
}
