package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
)

// A pickle is a program for a stack machine that makes an object, and may call any function of Python by its name.
// gopickle is such a machine; here it knows the names in globals, and calls nothing but the functions behind them, which
// only note what was asked for. For any other name there is an instance in objects.go: it has the name, and nothing is made.
//
// gopickle v0.3.0 is not made for hostile input, so tame goes over the pickle first and lets through the opcodes that
// torch.load(weights_only=True) knows, no others. What it is for:
//
//	a length is allocated before it is read         tame checks every length against the file
//	collections.OrderedDict and some others are     tame writes "=" before all modules, so that all names come to
//	built in, and take no arguments                 findClass
//	messages print whole objects                    tame bounds the text on the stack, in maxText
//	a MARK costs 300 bytes, an empty dict 150       maxMarks, maxOps
//	BUILD and NEWOBJ want methods of their targets  they become POP and REDUCE: a state is never used
//
// What tame does not check is that every opcode finds on the stack what it needs: gopickle does, but for a dict with
// an odd number of items and for a key that cannot be one, where it panics; unpickle returns that as an error.
const (
	maxPickle = 1 << 25 // bytes; the checkpoints of the largest training we know have one million
	maxOps    = 1 << 21
	maxMarks  = 100     // open at once
	maxText   = 1 << 24 // bytes of strings that are put on the stack, copies by GET included
	maxGlobal = 200     // bytes of a name
)

// Opcodes of the pickle machine, by their names in Python's pickletools.
const (
	opMark, opStop, opPop           = '(', '.', '0'
	opNone, opTrue, opFalse         = 'N', 0x88, 0x89
	opInt1, opInt2, opInt4, opLong1 = 'K', 'M', 'J', 0x8a
	opFloat                         = 'G'
	opText, opShortText             = 'X', 'U'
	opGlobal, opPersistent          = 'c', 'Q'
	opReduce, opBuild, opNew        = 'R', 'b', 0x81
	opList, opAppend, opAppends     = ']', 'a', 'e'
	opDict, opSet, opSets           = '}', 's', 'u'
	opEmptyTuple, opTuple           = ')', 't'
	opTuple1, opTuple2, opTuple3    = 0x85, 0x86, 0x87
	opPut, opLongPut                = 'q', 'r'
	opGet, opLongGet                = 'h', 'j'
	opProto                         = 0x80
)

// operands is the bytes after each opcode that has a fixed number of them.
var operands = map[byte]int{
	opMark: 0, opStop: 0, opNone: 0, opTrue: 0, opFalse: 0, opPersistent: 0, opReduce: 0, opBuild: 0, opNew: 0, opList: 0, opAppend: 0,
	opAppends: 0, opDict: 0, opSet: 0, opSets: 0, opEmptyTuple: 0, opTuple: 0, opTuple1: 0, opTuple2: 0, opTuple3: 0,
	opProto: 1, opInt1: 1, opPut: 1, opGet: 1, opInt2: 2, opInt4: 4, opLongPut: 4, opLongGet: 4, opFloat: 8,
}

// unpickle runs the pickle at the start of data and returns its value and its length. load is called with every
// persistent id. unknown, if not nil, collects the names that the pickle asks for and globals does not have.
func unpickle(data []byte, load func(id any) (any, error), unknown map[string]bool) (value any, n int, err error) {
	safe, n, err := tame(data)
	if err != nil {
		return nil, n, fmt.Errorf("its pickle: %w", err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("its pickle is not in order")
		}
	}()
	machine := pickle.NewUnpickler(bytes.NewReader(safe))
	machine.FindClass = func(module, name string) (any, error) { return findClass(module[len("="):]+"."+name, unknown), nil }
	machine.PersistentLoad = load
	value, err = machine.Load()
	var ours refusal
	if errors.As(err, &ours) {
		return nil, n, fmt.Errorf("its pickle: %w", ours)
	}
	if err != nil { // gopickle's messages are in terms of Go
		return nil, n, errors.New("its pickle is not in order")
	}
	return value, n, nil
}

// tame returns the pickle at the start of data as gopickle may have it, and its length in data.
func tame(data []byte) (safe []byte, n int, err error) {
	data = data[:min(len(data), maxPickle)]
	t := tamer{left: data, texts: map[uint32]int{}}
	for ops := 0; ; ops++ {
		at := len(data) - len(t.left)
		if ops == maxOps {
			return nil, at, fmt.Errorf("it has more than %d opcodes", maxOps)
		}
		op, err := t.step()
		if err != nil {
			return nil, at, fmt.Errorf("at byte %d: %w", at, err)
		}
		if op == opStop {
			return t.safe, at + 1, nil
		}
	}
}

// tamer is tame on its way.
type tamer struct {
	left, safe []byte         // still to be read; written
	marks      int            // open
	top        int            // bytes of the string on top of the stack, -1 if that is not known
	longest    int            // string so far
	texts      map[uint32]int // as top, by the key of the memo
	text       int            // sum over all strings so far
}

// take returns the next n bytes.
func (t *tamer) take(n int) ([]byte, error) {
	if n > len(t.left) {
		return nil, fmt.Errorf("the next %d bytes of it are missing, or are more than %d in all", n, maxPickle)
	}
	part := t.left[:n]
	t.left = t.left[n:]
	return part, nil
}

// step checks one instruction and copies it.
func (t *tamer) step() (op byte, err error) {
	head, err := t.take(1)
	if err != nil {
		return 0, err
	}
	op = head[0]
	switch op {
	case opGlobal:
		return op, t.global()
	case opText, opShortText, opLong1:
		return op, t.counted(op)
	}
	size, known := operands[op]
	if !known {
		return op, fmt.Errorf("opcode %#x, which torch.save does not write", op)
	}
	operand, err := t.take(size)
	if err != nil {
		return op, err
	}
	if err := t.check(op, operand); err != nil {
		return op, err
	}
	switch op {
	case opBuild:
		op = opPop
	case opNew:
		op = opReduce
	}
	t.safe = append(append(t.safe, op), operand...)
	return op, nil
}

// check follows what an instruction with an operand of fixed size does to the marks, the memo and the text.
func (t *tamer) check(op byte, operand []byte) error {
	var key [4]byte
	copy(key[:], operand)
	memo := binary.LittleEndian.Uint32(key[:])
	switch op {
	case opProto:
		if operand[0] < 2 || operand[0] > 3 {
			return fmt.Errorf("protocol %d, want 2, that of torch.save", operand[0])
		}
		t.top = -1
		return nil
	case opMark:
		if t.marks++; t.marks > maxMarks {
			return fmt.Errorf("more than %d objects in each other", maxMarks)
		}
	case opTuple, opAppends, opSets:
		if t.marks--; t.marks < 0 {
			return errors.New("an end without a mark")
		}
	case opPut, opLongPut:
		if t.top < 0 {
			return errors.New("the memo takes what was changed")
		}
		t.texts[memo] = t.top
		return nil
	case opGet, opLongGet:
		size, known := t.texts[memo]
		if !known {
			return fmt.Errorf("the memo has no %d", memo)
		}
		return t.push(size)
	case opBuild: // leaves what was below
		t.top = -1
		return nil
	case opReduce, opNew: // gopickle lets a list be called, which returns the argument
		t.top = t.longest
		return nil
	}
	t.top = 0
	return nil
}

// push counts a string, or something else of no size, that comes to the top of the stack.
func (t *tamer) push(size int) error {
	t.top, t.longest = size, max(size, t.longest)
	if t.text += size; t.text > maxText {
		return fmt.Errorf("more than %d bytes of text", maxText)
	}
	return nil
}

// counted copies an instruction whose operand begins with its length.
func (t *tamer) counted(op byte) error {
	width := 1
	if op == opText {
		width = 4
	}
	length, err := t.take(width)
	if err != nil {
		return err
	}
	size := int(length[0])
	if op == opText {
		size = int(binary.LittleEndian.Uint32(length))
	}
	operand, err := t.take(size)
	if err != nil {
		return err
	}
	if op == opLong1 {
		if size == 0 {
			return errors.New("a number of 0 bytes")
		}
		size = 0 // is no text
	}
	t.safe = append(append(append(t.safe, op), length...), operand...)
	return t.push(size)
}

// global copies the name of a global, marked for findClass.
func (t *tamer) global() error {
	t.safe = append(t.safe, opGlobal, '=')
	for range 2 { // module and name
		size := bytes.IndexByte(t.left[:min(len(t.left), maxGlobal+1)], '\n') + 1
		if size == 0 {
			return fmt.Errorf("a name without an end, or of more than %d bytes", maxGlobal)
		}
		line, err := t.take(size)
		if err != nil {
			return err
		}
		t.safe = append(t.safe, line...)
	}
	return t.push(0)
}
