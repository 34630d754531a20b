package dataset

import (
	"fmt"
	"sync"
)

// PassedOver is what lies in a set and was not taken, or was guessed, when the set was opened. What is ignored by
// design, see [Open], is not among it.
type PassedOver struct {
	What    string // in words, in the plural
	Count   int
	Example string // the first that was met: a path in the set
}

// String says it in one line.
func (p PassedOver) String() string {
	if p.Count == 1 {
		return fmt.Sprintf("%s: %q", p.What, p.Example)
	}
	return fmt.Sprintf("%s: %d, %q for one", p.What, p.Count, p.Example)
}

// notes collects what is passed over while a set is opened; readers get them in [OpenOptions]. Nil notes nothing.
type notes struct {
	mu   sync.Mutex
	list []PassedOver
}

// add notes count things of one kind, with an example. Things of a kind that was noted before add to its count.
func (n *notes) add(what string, count int, example string) {
	if n == nil || count == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.list {
		if n.list[i].What == what {
			n.list[i].Count += count
			return
		}
	}
	n.list = append(n.list, PassedOver{what, count, example})
}

// The kinds of what is passed over.
const (
	passedNested  = "images in folders within a class, which were passed over"
	passedLoose   = "images beside the folders of the classes, which were passed over"
	passedEnding  = "files that do not end like images, which were passed over"
	passedFormat  = "images with endings that are not read (.avif, .heic, .jfif and the like), which were passed over"
	passedBeside  = "files beside the shards or tables, which were passed over"
	passedSpecial = "pipes, sockets or devices, which were passed over"
	passedLink    = "links to nothing, which were passed over"
	passedLinks   = "links in the archive, which were passed over"
	passedRest    = "images beside the tars of the classes, which were passed over"
	passedShards  = "shards without a sample, which were passed over"
	passedLabels  = "labels whose sample has no image that is read, which were passed over"
	passedAbove   = "files like those of the set in the folders above it, which were passed over"
	takenMixed    = "files of different names, which were taken as one set"
	passedTail    = "bytes behind the end of a tar, which were passed over"
	passedColumns = "columns with the names of images or labels beside those that were taken, which were passed over"
	passedGap     = "numbers missing among the files: perhaps they were not all fetched"
	passedFirst   = "lines of the class list of which the first word is the class, beside others of which the whole " +
		"line is"
	passedList   = "images that no list of the set names, which were passed over"
	passedNames  = "folders that are neither numbers nor in the list of class names, which keep their names"
	takenClutter = "classes of no one thing, which were taken like the others; a class list leaves them out"
	takenSlash   = "names of classes with a slash, which became _"
	takenFromOne = "folders that count from 1, of which the first took the first name"
)
