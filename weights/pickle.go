package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// A pickle is a program for a stack machine that makes an object, and may call any function of Python by its name.
// gopickle is such a machine; here it knows the names in globals, and calls nothing but the functions behind them,
// which only note what was asked for. For any other name there is an instance in objects.go: it has the name, and
// nothing is made.
//
// gopickle v0.3.0 is not made for hostile input, so tame goes over the pickle first and lets through the opcodes that
// Python writes in the protocols 2 to 5, in terms of those of protocol 2. Others, those of recursive tuples and of
// buffers outside the pickle among them, are refused. What it is for:
//
//	a length is allocated before it is read         tame checks every length against the file
//	collections.OrderedDict and some others are     tame writes "=" before all modules, so that all names come to
//	built in, and take no arguments                 findClass
//	messages print whole objects                    tame bounds the text on the stack, in maxText
//	a MARK costs 300 bytes, an empty dict 150       maxMarks, maxOps
//	BUILD and NEWOBJ want methods of their targets  they become a call of build and REDUCE
//	sets, bytes, frames, names from the stack       become lists, calls, nothing, and names in the pickle
//
// What tame does not check is that every opcode finds on the stack what it needs: gopickle does, but for a dict with
// an odd number of items and for a key that cannot be one, where it panics; unpickle returns that as an error.
const (
	maxPickle = 1 << 28 // bytes; checkpoints have up to a million, sets of NumPy's arrays all their images
	maxOps    = 1 << 21
	maxMarks  = 100 // open at once
	maxGlobal = 200 // bytes of a name

	// Bytes of strings that are put on the stack, copies by GET included: the larger of a number and of so many times
	// the pickle's length.
	maxText, maxTexts = 1 << 24, 4
)

// Opcodes of the pickle machine, by their names in Python's pickletools.
const (
	opMark, opStop, opPop           = '(', '.', '0'
	opNone, opTrue, opFalse         = 'N', 0x88, 0x89
	opInt1, opInt2, opInt4, opLong1 = 'K', 'M', 'J', 0x8a
	opFloat                         = 'G'
	opText, opShortText, opOldText  = 'X', 'U', 'T'
	opGlobal, opPersistent          = 'c', 'Q'
	opReduce, opBuild, opNew        = 'R', 'b', 0x81
	opList, opAppend, opAppends     = ']', 'a', 'e'
	opDict, opSet, opSets           = '}', 's', 'u'
	opEmptyTuple, opTuple           = ')', 't'
	opTuple1, opTuple2, opTuple3    = 0x85, 0x86, 0x87
	opPut, opLongPut                = 'q', 'r'
	opGet, opLongGet                = 'h', 'j'
	opProto                         = 0x80

	// Of protocols 3 to 5, which torch.save(pickle_protocol=) writes.
	opBytes, opShortBytes, opBytes8, opByteArray = 'B', 'C', 0x8e, 0x96
	opText1, opText8                             = 0x8c, 0x8d
	opEmptySet, opAddItems, opFrozenSet          = 0x8f, 0x90, 0x91
	opNewEx, opStackGlobal                       = 0x92, 0x93
	opMemoize, opFrame                           = 0x94, 0x95
)

// lengthBytes is how many bytes give the length of an operand.
var lengthBytes = map[byte]int{opText: 4, opOldText: 4, opShortText: 1, opLong1: 1, opText1: 1, opText8: 8, opBytes: 4,
	opShortBytes: 1, opBytes8: 8, opByteArray: 8}

// operands is the bytes after each opcode that has a fixed number of them.
var operands = map[byte]int{
	opMark: 0, opStop: 0, opNone: 0, opTrue: 0, opFalse: 0, opPersistent: 0, opReduce: 0, opBuild: 0, opNew: 0,
	opList: 0, opAppend: 0,
	opAppends: 0, opDict: 0, opSet: 0, opSets: 0, opEmptyTuple: 0, opTuple: 0, opTuple1: 0, opTuple2: 0, opTuple3: 0,
	opEmptySet: 0, opAddItems: 0, opFrozenSet: 0, opNewEx: 0, opStackGlobal: 0, opMemoize: 0, opFrame: 8,
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
	machine.FindClass = func(module, name string) (any, error) {
		return findClass(module[len("="):]+"."+name, unknown),
			nil
	}
	machine.PersistentLoad = func(id any) (any, error) {
		if call, ok := id.(*types.Tuple); ok && call.Len() == 3 && call.Get(2) == buildID {
			return build(call.Get(0), call.Get(1)), nil
		}
		return load(id)
	}
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

// buildID is the third of the persistent ids (object, state, buildID) that BUILD becomes.
const buildID = "=build"

// build gives an object its state: NumPy's arrays and types take it, of all others it is never used.
func build(object, state any) any {
	switch o := object.(type) {
	case *instance:
		if o.array != nil {
			o.array.state(state)
		}
	case *numpyType:
		o.state(state)
	}
	return object
}

// tame returns the pickle at the start of data as gopickle may have it, and its length in data.
func tame(data []byte) (safe []byte, n int, err error) {
	data = data[:min(len(data), maxPickle)]
	t := tamer{left: data, mostText: max(maxText, maxTexts*len(data)), texts: map[uint32]int{},
		names: map[uint32]string{}}
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
	mostText   int

	recent []string          // the strings on top of the stack, two at most: a name of STACK_GLOBAL
	names  map[uint32]string // strings that may be names, by the key of the memo
}

// take returns the next n bytes.
func (t *tamer) take(n uint64) ([]byte, error) {
	if err := t.holds(n); err != nil {
		return nil, err
	}
	part := t.left[:n]
	t.left = t.left[n:]
	return part, nil
}

// holds is an error where there are fewer than n bytes left.
func (t *tamer) holds(n uint64) error {
	if n > uint64(len(t.left)) {
		return fmt.Errorf("the next %d bytes of it are missing, or are more than %d in all", n, maxPickle)
	}
	return nil
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
	case opMemoize: // the next free key
		return op, t.put(uint32(len(t.texts)))
	case opStackGlobal:
		return op, t.stackGlobal()
	}
	if lengthBytes[op] > 0 {
		return op, t.counted(op)
	}
	size, known := operands[op]
	if !known {
		return op, fmt.Errorf("opcode %#x, which torch.save does not write", op)
	}
	operand, err := t.take(uint64(size))
	if err != nil {
		return op, err
	}
	if err := t.check(op, operand); err != nil {
		return op, err
	}
	switch op {
	case opBuild:
		t.safe = append(append(t.safe, opShortText, byte(len(buildID))), buildID...)
		t.safe = append(t.safe, opTuple3, opPersistent)
		return op, nil
	case opNew:
		op = opReduce
	case opNewEx: // the named arguments go
		t.safe = append(t.safe, opPop)
		op = opReduce
	case opEmptySet:
		op = opList
	case opAddItems:
		op = opAppends
	case opFrozenSet:
		op = opTuple
	case opFrame: // where the writer's buffer ended
		return op, nil
	}
	t.safe = append(append(t.safe, op), operand...)
	return op, nil
}

// check follows what an instruction with an operand of fixed size does to the marks, the memo and the text.
func (t *tamer) check(op byte, operand []byte) error {
	var key [4]byte
	copy(key[:], operand)
	memo := binary.LittleEndian.Uint32(key[:])
	if op != opPut && op != opLongPut && op != opFrame {
		recent := t.recent
		t.recent = nil
		if name, ok := t.names[memo]; ok && (op == opGet || op == opLongGet) {
			t.recent = lastTwo(append(recent, name))
		}
	}
	switch op {
	case opFrame:
		return t.holds(binary.LittleEndian.Uint64(operand))
	case opProto:
		if operand[0] < 2 || operand[0] > 5 {
			return fmt.Errorf("protocol %d, want 2 to 5", operand[0])
		}
		t.top = -1
		return nil
	case opMark:
		if t.marks++; t.marks > maxMarks {
			return fmt.Errorf("more than %d objects in each other", maxMarks)
		}
	case opTuple, opAppends, opSets, opAddItems, opFrozenSet:
		if t.marks--; t.marks < 0 {
			return errors.New("an end without a mark")
		}
	case opPut, opLongPut:
		return t.note(memo)
	case opGet, opLongGet:
		size, known := t.texts[memo]
		if !known {
			return fmt.Errorf("the memo has no %d", memo)
		}
		return t.push(size)
	case opBuild: // leaves what was below
		t.top = -1
		return nil
	case opReduce, opNew, opNewEx: // gopickle lets a list be called, which returns the argument
		t.top = t.longest
		return nil
	}
	t.top = 0
	return nil
}

// note follows what takes the top of the stack into the memo.
func (t *tamer) note(memo uint32) error {
	if t.top < 0 {
		return errors.New("the memo takes what was changed")
	}
	t.texts[memo] = t.top
	delete(t.names, memo)
	if n := len(t.recent); n > 0 {
		t.names[memo] = t.recent[n-1]
	}
	return nil
}

// put writes what takes the top of the stack into the memo.
func (t *tamer) put(memo uint32) error {
	t.safe = binary.LittleEndian.AppendUint32(append(t.safe, opLongPut), memo)
	return t.note(memo)
}

// lastTwo returns the last two of a list.
func lastTwo(list []string) []string { return list[max(0, len(list)-2):] }

// push counts a string, or something else of no size, that comes to the top of the stack.
func (t *tamer) push(size int) error {
	t.top, t.longest = size, max(size, t.longest)
	if t.text += size; t.text > t.mostText {
		return fmt.Errorf("more than %d bytes of text", t.mostText)
	}
	return nil
}

// counted copies an instruction whose operand begins with its length. Bytes become a call with them as a string.
func (t *tamer) counted(op byte) error {
	length, err := t.take(uint64(lengthBytes[op]))
	if err != nil {
		return err
	}
	var wide [8]byte
	copy(wide[:], length)
	operand, err := t.take(binary.LittleEndian.Uint64(wide[:]))
	if err != nil {
		return err
	}
	size := len(operand)
	recent := t.recent
	t.recent = nil
	switch op {
	case opBytes, opShortBytes, opBytes8, opByteArray:
		t.safe = append(append(append(t.safe, opGlobal, '='), strings.Replace(ourBytes, ".", "\n", 1)...), '\n')
		t.safe = binary.LittleEndian.AppendUint32(append(t.safe, opOldText), uint32(size))
		t.safe = append(append(t.safe, operand...), opTuple1, opReduce)
		return t.push(size)
	case opLong1:
		if size == 0 {
			return errors.New("a number of 0 bytes")
		}
		t.safe = append(append(append(t.safe, op), length...), operand...)
		return t.push(0)
	case opShortText:
		t.safe = append(append(append(t.safe, op), length...), operand...)
	default:
		t.safe = binary.LittleEndian.AppendUint32(append(t.safe, opText), uint32(size))
		t.safe = append(t.safe, operand...)
	}
	if size <= maxGlobal {
		t.recent = lastTwo(append(recent, string(operand)))
	}
	return t.push(size)
}

// stackGlobal writes the name of a global whose module and name are strings on the stack.
func (t *tamer) stackGlobal() error {
	recent := t.recent
	t.recent = nil
	if len(recent) != 2 || bytes.ContainsAny([]byte(recent[0]+recent[1]), "\n") {
		return errors.New("a name that is not two strings")
	}
	t.safe = append(t.safe, opPop, opPop, opGlobal, '=')
	t.safe = append(append(t.safe, recent[0]...), '\n')
	t.safe = append(append(t.safe, recent[1]...), '\n')
	return t.push(len(recent[0]) + len(recent[1])) // one opcode of the file writes so many bytes
}

// global copies the name of a global, marked for findClass.
func (t *tamer) global() error {
	t.recent = nil
	t.safe = append(t.safe, opGlobal, '=')
	for range 2 { // module and name
		size := bytes.IndexByte(t.left[:min(len(t.left), maxGlobal+1)], '\n') + 1
		if size == 0 {
			return fmt.Errorf("a name without an end, or of more than %d bytes", maxGlobal)
		}
		line, err := t.take(uint64(size))
		if err != nil {
			return err
		}
		t.safe = append(t.safe, line...)
	}
	return t.push(0)
}
