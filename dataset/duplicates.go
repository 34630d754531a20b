package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Member is one image of one of several sets.
type Member struct {
	Set int // its index among them
	Ref Ref
}

// Duplicates returns the images of the sets whose files are equal byte for byte, in groups of at least two, in the
// order of the sets. Only files that have their length in common with another are read; what cannot be read is passed
// over, since whoever needs it says so. Sets drawn by a function (see [FromFunc]) are passed over, too. The same
// picture in two files that differ, a PNG and a BMP of it say, is not found.
func Duplicates(ctx context.Context, sets ...*Set) ([][]Member, error) {
	bySize := map[int64][]Member{}
	var sizes []int64 // in the order of their first image
	for i, set := range sets {
		if _, drawn := set.src.(function); drawn {
			continue
		}
		for _, class := range set.Classes {
			for _, ref := range class.Images {
				if bySize[ref.Size] == nil {
					sizes = append(sizes, ref.Size)
				}
				bySize[ref.Size] = append(bySize[ref.Size], Member{i, ref})
			}
		}
	}
	var candidates []Member
	for _, size := range sizes {
		if alike := bySize[size]; len(alike) > 1 || len(bySize[0]) > 0 { // a file of unknown size may equal any
			candidates = append(candidates, alike...)
		}
	}
	sums, err := fileSums(ctx, sets, candidates)
	if err != nil {
		return nil, err
	}
	return grouped(candidates, sums), nil
}

type fileSum [sha256.Size]byte

// fileSums returns the hashes of the files, nil of those that cannot be read.
func fileSums(ctx context.Context, sets []*Set, members []Member) ([]*fileSum, error) {
	sums := make([]*fileSum, len(members))
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, m := range members {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if data, err := sets[m.Set].Read(m.Ref); err == nil {
				sum := fileSum(sha256.Sum256(data))
				sums[i] = &sum
			}
		})
	}
	running.Wait()
	return sums, ctx.Err()
}

// grouped returns the members of equal sums.
func grouped(members []Member, sums []*fileSum) (groups [][]Member) {
	at := map[fileSum]int{}
	var all [][]Member
	for i, m := range members {
		if sums[i] == nil {
			continue
		}
		g, known := at[*sums[i]]
		if !known {
			g = len(all)
			at[*sums[i]] = g
			all = append(all, nil)
		}
		all[g] = append(all[g], m)
	}
	for _, g := range all {
		if len(g) > 1 {
			groups = append(groups, g)
		}
	}
	return groups
}

// Shared is some images of groups of duplicates, with the first two as an example.
type Shared struct {
	Images int
	First  [2]Ref
}

// String says it of images that are in several classes.
func (s Shared) String() string {
	return fmt.Sprintf("%d images are in more than one class, byte for byte: %v is %v", s.Images, s.First[0],
		s.First[1])
}

// AcrossClasses returns the images of a set that stand in another class, too.
func AcrossClasses(groups [][]Member, set int) (s Shared) {
	for _, group := range groups {
		var here []Ref
		other := -1
		for _, m := range group {
			if m.Set != set {
				continue
			}
			if here = append(here, m.Ref); other < 0 && m.Ref.Class != here[0].Class {
				other = len(here) - 1
			}
		}
		if other < 0 {
			continue
		}
		if s.Images == 0 {
			s.First = [2]Ref{here[0], here[other]}
		}
		s.Images += len(here)
	}
	return s
}

// Between returns the images of set a that stand in set b, too, with the first of them and its like in b.
func Between(groups [][]Member, a, b int) (s Shared) {
	for _, group := range groups {
		var inA, inB []Ref
		for _, m := range group {
			switch m.Set {
			case a:
				inA = append(inA, m.Ref)
			case b:
				inB = append(inB, m.Ref)
			}
		}
		if len(inA) == 0 || len(inB) == 0 {
			continue
		}
		if s.Images == 0 {
			s.First = [2]Ref{inA[0], inB[0]}
		}
		s.Images += len(inA)
	}
	return s
}

// Labelled is a set with the name that messages have for it.
type Labelled struct {
	Name string
	Set  *Set
}

// DuplicateNotes says, in a line each, of which sets images stand in several classes, byte for byte, and of which
// images stand in the last set too, which is nil if there is none; where says what its images are: "among those to test
// on".
func DuplicateNotes(ctx context.Context, sets []Labelled, last *Labelled, where string) (lines []string, err error) {
	all := sets
	if last != nil {
		all = append(slices.Clone(sets), *last)
	}
	var open []*Set
	for _, s := range all {
		open = append(open, s.Set)
	}
	groups, err := Duplicates(ctx, open...)
	if err != nil {
		return nil, err
	}
	for i, of := range all {
		if s := AcrossClasses(groups, i); s.Images > 0 {
			lines = append(lines, fmt.Sprintf("%q: %v", of.Name, s))
		}
		if s := Between(groups, i, len(sets)); i < len(sets) && s.Images > 0 {
			lines = append(lines, fmt.Sprintf("%q: %d of its images are %s, byte for byte: %v is %v", of.Name, s.Images,
				where, s.First[0], s.First[1]))
		}
	}
	return lines, nil
}
