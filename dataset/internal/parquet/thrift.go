package parquet

import (
	"encoding/binary"
	"errors"
	"math"
)

// Kinds of values in Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	stop       = 0
	boolTrue   = 1
	boolFalse  = 2
	i8         = 3
	i16        = 4
	i32        = 5
	i64        = 6
	double     = 7
	binaryKind = 8
	list       = 9
	set        = 10
	dictionary = 11
	structure  = 12
	uuid       = 13
)

// maxDepth bounds how deep structures nest.
const maxDepth = 32

var (
	errShort = errors.New("ends early")
	errKind  = errors.New("a value of an unknown kind, or nested too deep")
)

// thrift reads values one after the other; after an error it reads nothing but zeros.
type thrift struct {
	b     []byte
	depth int
	err   error
}

// fail keeps the first error and takes away what is left, so that every loop over it ends.
func (t *thrift) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.b = nil
}

// take takes n bytes, which are part of b and not copied; nil where there are fewer.
func (t *thrift) take(n uint64) []byte {
	if n > uint64(len(t.b)) {
		t.fail(errShort)
		return nil
	}
	taken := t.b[:n]
	t.b = t.b[n:]
	return taken
}

func (t *thrift) byte() byte {
	if b := t.take(1); b != nil {
		return b[0]
	}
	return 0
}

// unsigned reads a number of 7 bits a byte, the lowest first, the highest bit of a byte saying that another follows.
func (t *thrift) unsigned() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.fail(errShort)
		return 0
	}
	t.b = t.b[n:]
	return v
}

// int reads an integer of 16, 32 or 64 bits: zigzag, 0, −1, 1, −2 … as 0, 1, 2, 3 …
func (t *thrift) int() int64 {
	v := t.unsigned()
	return int64(v>>1) ^ -int64(v&1)
}

func (t *thrift) bytes() []byte { return t.take(t.unsigned()) }

// fields reads a structure: fields, each a byte with the difference of its number to the one before (0: the number
// itself follows) and its kind, up to a stop. visit reads the value of a field, or returns false and has it skipped.
func (t *thrift) fields(visit func(id int, kind byte) bool) {
	if t.depth++; t.depth > maxDepth {
		t.fail(errKind)
	}
	defer func() { t.depth-- }()
	id := int64(0)
	for t.err == nil {
		head := t.byte()
		kind := head & 15
		if kind == stop {
			return
		}
		if delta := int64(head >> 4); delta > 0 {
			id += delta
		} else {
			id = t.int()
		}
		if id < math.MinInt16 || id > math.MaxInt16 {
			t.fail(errKind)
			return
		}
		if !visit(int(id), kind) {
			t.skip(kind)
		}
	}
}

// list reads a list, each element by a call of read. Every element has at least one byte.
func (t *thrift) list(read func()) {
	n, _ := t.listHead()
	for ; n > 0 && t.err == nil; n-- {
		read()
	}
}

// listHead reads how many elements a list has and of which kind. A count beyond the bytes that are left is an error, so
// a list of n elements is never longer than what was read for it.
func (t *thrift) listHead() (n uint64, kind byte) {
	head := t.byte()
	if n = uint64(head >> 4); n == 15 {
		n = t.unsigned()
	}
	if n > uint64(len(t.b)) {
		t.fail(errShort)
	}
	return n, head & 15
}

// skip passes over a value of a kind; structures in structures up to maxDepth.
func (t *thrift) skip(kind byte) {
	if t.depth++; t.depth > maxDepth {
		t.fail(errKind)
	}
	defer func() { t.depth-- }()
	switch kind {
	case boolTrue, boolFalse: // the kind is the value
	case i8:
		t.byte()
	case i16, i32, i64:
		t.unsigned()
	case double:
		t.take(8)
	case binaryKind:
		t.bytes()
	case list, set:
		n, element := t.listHead()
		for ; n > 0 && t.err == nil; n-- {
			t.skipElement(element)
		}
	case dictionary:
		n := t.unsigned()
		if n == 0 {
			return
		}
		kinds := t.byte()
		for ; n > 0 && t.err == nil; n-- {
			t.skipElement(kinds >> 4)
			t.skipElement(kinds & 15)
		}
	case structure:
		t.fields(func(int, byte) bool { return false })
	case uuid:
		t.take(16)
	default:
		t.fail(errKind)
	}
}

// skipElement skips an element of a list, where unlike in a field a truth value has a byte.
func (t *thrift) skipElement(kind byte) {
	if kind == boolTrue || kind == boolFalse {
		kind = i8
	}
	t.skip(kind)
}
