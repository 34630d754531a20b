package store

import (
	"container/list"
	"sync"
)

// Small reads of objects go through blocks, of which those used last stay in memory: headers of a tar, the directory of
// a zip, the pages of a table.
const (
	blockSize  = 64 << 10
	mostBlocks = 1024 // 64 MiB
	mostAhead  = 64   // blocks in a request: 4 MiB
)

// blockID is a block of one version of an object.
type blockID struct {
	version *version
	index   int64
}

type block struct {
	blockID
	data []byte
}

// blocks keeps those used last. Its methods may be called from several goroutines.
type blocks struct {
	mu   sync.Mutex
	of   map[blockID]*list.Element
	last list.List // of *block, the last used first
}

var kept = blocks{of: map[blockID]*list.Element{}}

// get returns a block; nil if it is not kept.
func (c *blocks) get(id blockID) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.of[id]
	if !ok {
		return nil
	}
	c.last.MoveToFront(e)
	return e.Value.(*block).data
}

// add keeps a block, and lets those go that were not used for longest.
func (c *blocks) add(id blockID, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.of[id]; ok {
		return
	}
	c.of[id] = c.last.PushFront(&block{id, data})
	for c.last.Len() > mostBlocks {
		delete(c.of, c.last.Remove(c.last.Back()).(*block).blockID)
	}
}
