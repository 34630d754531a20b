package memory

import (
	"cmp"
	"slices"
	"sync"
)

// Arenas is memory that executions take turns with, whatever they execute: there are as many pieces as were at work at
// once, each as large as the largest needed. The zero value is ready.
type Arenas struct {
	mu   sync.Mutex
	free [][]byte // the smallest first
}

// Take returns at least n bytes that hold anything, for Give to take back: the smallest free piece that is large
// enough, or a new one, in place of the largest free one that is not.
func (a *Arenas) Take(n int) []byte {
	a.mu.Lock()
	i, _ := a.find(n)
	switch {
	case i < len(a.free):
		piece := a.free[i]
		a.free = slices.Delete(a.free, i, i+1)
		a.mu.Unlock()
		return piece
	case i > 0:
		letGo(a.free[i-1]) // or both would be there until it is collected
		a.free = slices.Delete(a.free, i-1, i)
	}
	a.mu.Unlock()
	return Bytes(n)
}

// Give takes back a piece.
func (a *Arenas) Give(piece []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, _ := a.find(len(piece))
	a.free = slices.Insert(a.free, i, piece)
}

// Drop gives up the pieces that nobody has.
func (a *Arenas) Drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, piece := range a.free {
		letGo(piece)
	}
	a.free = nil
}

// find returns the place of the first free piece of at least n bytes.
func (a *Arenas) find(n int) (int, bool) {
	return slices.BinarySearchFunc(a.free, n, func(p []byte, n int) int { return cmp.Compare(len(p), n) })
}
