package cpu

import (
	plans "mgd3/cpu/internal/compile"
)

// What plans keep of a weight rearranged: copies beside its contents, up to the backend's limit, or a packed form in
// their place, which costs nothing.

// packed is the contents of a buffer in another order, under key; memory is nil if they are there as they are.
type packed struct {
	key    any
	memory []byte
	unpack func(dst, src []byte)
	stay   bool // somebody needed the contents as they are, and they stay so
}

// lend returns the contents for an execution, and where it keeps what it derives from them. The contents may be nil
// if they are packed under key. back ends it.
func (b *Buffer) lend(key any) ([]byte, plans.Cache) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
	if b.packed.memory != nil && b.packed.key == key {
		return nil, packedCache{cache{b}}
	}
	if b.packed.memory != nil {
		b.stay()
	}
	return b.memory, cache{b}
}

// back ends what lend began.
func (b *Buffer) back() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users--
}

// pin has the contents stay as they are.
func (b *Buffer) pin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stay()
}

// drop forgets packed contents. Its memory is left to the garbage collector: an execution may read it.
func (b *Buffer) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.packed = packed{}
}

// stay is pin; b.mu is held.
func (b *Buffer) stay() {
	p := b.packed
	b.packed = packed{stay: true}
	if p.memory == nil {
		return
	}
	b.memory = b.backend.pool.get(b.tensor.Shape.DType.SizeForDimensions(b.tensor.Shape.Size()))
	p.unpack(b.memory, p.memory)
	b.tensor.Flat = flatOf(b.tensor.Shape, b.memory)
}

// cache is a Buffer as the place where plans keep what they derive from it. It implements plans.Cache.
type cache struct{ b *Buffer }

// Derived implements plans.Cache.
func (c cache) Derived(key any, bytes int64, f func() any) (any, bool) {
	return c.b.copyOf(key, bytes, f)
}

// Instead implements plans.Cache.
func (c cache) Instead(key any, bytes int, pack, unpack func(dst, src []byte)) ([]byte, bool) {
	b := c.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.packed.memory != nil && b.packed.key == key {
		return b.packed.memory, true
	}
	if b.shared || b.packed.stay || b.memory == nil || len(b.copies) > 0 || b.backend.keep == 0 {
		return nil, false
	}
	memory := b.backend.pool.get(bytes)[:bytes]
	pack(memory, b.memory)
	if b.users == 1 { // nobody else reads them
		b.backend.pool.put(b.memory)
	}
	b.memory, b.tensor.Flat = nil, nil
	b.packed = packed{key: key, memory: memory, unpack: unpack}
	return memory, true
}

// packedCache is a cache for an execution that has no contents.
type packedCache struct{ cache }

// Instead implements plans.Cache; it always has an answer, also when somebody else had the contents unpacked meanwhile.
func (c packedCache) Instead(key any, bytes int, pack, unpack func(dst, src []byte)) ([]byte, bool) {
	if memory, ok := c.cache.Instead(key, bytes, pack, unpack); ok {
		return memory, true
	}
	b := c.b
	b.mu.Lock()
	defer b.mu.Unlock()
	memory := b.backend.pool.get(bytes)
	pack(memory[:bytes], b.memory)
	return memory[:bytes], true
}

// copyOf returns the copy of the buffer's contents that is kept under key, rearranged by arrange to so many bytes if it
// is not there yet. ok is false where no copy is kept: somebody may write to the buffer, it is finalized, or the copies
// of all buffers take enough memory already.
func (b *Buffer) copyOf(key any, bytes int64, arrange func() any) (copy any, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shared || b.memory == nil {
		return nil, false
	}
	if copy, ok = b.copies[key]; ok {
		return copy, true
	}
	if b.backend.kept.Add(bytes) > b.backend.keep {
		b.backend.kept.Add(-bytes)
		return nil, false
	}
	if b.copies == nil {
		b.copies = map[any]any{}
	}
	b.kept += bytes
	b.copies[key] = arrange()
	return b.copies[key], true
}

// dropCopies forgets what copyOf keeps; b.mu is held.
func (b *Buffer) dropCopies() {
	b.backend.kept.Add(-b.kept)
	b.copies, b.kept = nil, 0
}
