package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// A pickle is a program for a stack machine that makes an object, and may call any function of Python by its name.
// gopickle is such a machine; here it knows the names in globals and no other, and calls nothing but the functions
// behind them, which only note what was asked for.
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
// persistent id.
func unpickle(data []byte, load func(id any) (any, error)) (value any, n int, err error) {
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
	machine.FindClass = findClass
	machine.PersistentLoad = load
	if value, err = machine.Load(); err != nil {
		return nil, n, fmt.Errorf("its pickle: %.300s", err.Error())
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

// findClass returns what stands here for a global of Python.
func findClass(module, name string) (any, error) {
	full := module[len("="):] + "." + name
	if class, ok := globals[full]; ok {
		return class, nil
	}
	return nil, fmt.Errorf("it asks for %.100q, which no weights need: it may be a whole model, or harmful; nothing of it was run", full)
}

// globals are the names that a pickle may ask for.
var globals = map[string]any{
	"torch.FloatStorage":              DType("F32"),
	"torch.HalfStorage":               DType("F16"),
	"torch.BFloat16Storage":           DType("BF16"),
	"torch.DoubleStorage":             DType("F64"),
	"torch.LongStorage":               DType("I64"),
	"torch.IntStorage":                DType("I32"),
	"torch.ShortStorage":              DType("I16"),
	"torch.CharStorage":               DType("I8"),
	"torch.ByteStorage":               DType("U8"),
	"torch.BoolStorage":               DType("BOOL"),
	"torch._utils._rebuild_tensor":    callable(rebuildTensor),
	"torch._utils._rebuild_tensor_v2": callable(rebuildTensor),
	"torch._utils._rebuild_parameter": callable(parameter),
	"torch.Size":                      callable(size),
	"collections.OrderedDict":         callable(orderedDict),
	"argparse.Namespace":              callable(ignore), // from here on what lies beside weights in checkpoints of trainings
	"collections.Counter":             callable(ignore),
	"collections.defaultdict":         callable(ignore),
	"__builtin__.set":                 callable(ignore),
	"_codecs.encode":                  callable(ignore),
	"numpy.core.multiarray.scalar":    callable(ignore),
	"numpy._core.multiarray.scalar":   callable(ignore),
	"numpy.dtype":                     callable(ignore),
	"torch.device":                    callable(ignore),
	"torch.float32":                   ignored{},
	"torch.float16":                   ignored{},
	"torch.bfloat16":                  ignored{},
	"pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint": ignored{},
}

// callable is a function by gopickle's interface.
type callable func(args []any) (any, error)

func (c callable) Call(args ...any) (any, error) { return c(args) }

// ignored is an object of which nothing is wanted.
type ignored struct{}

func (ignored) Set(_, _ any) {}
func (ignored) Append(any)   {}

func ignore([]any) (any, error) { return ignored{}, nil }

// parameter takes a tensor, and more that is not needed.
func parameter(args []any) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*strided); ok {
			return t, nil
		}
	}
	return nil, errors.New("a parameter without a tensor")
}

// size takes a tuple.
func size(args []any) (any, error) {
	if len(args) == 1 {
		if shape, ok := args[0].(*types.Tuple); ok {
			return shape, nil
		}
	}
	return nil, errors.New("a shape that is no tuple")
}

// ordered is an OrderedDict.
type ordered struct {
	first *types.List // pairs it was made with, perhaps
	types.Dict
}

// orderedDict takes nothing or, as Python 2 wrote it, a list of pairs.
func orderedDict(args []any) (any, error) {
	if len(args) == 0 {
		return &ordered{}, nil
	}
	pairs, ok := args[0].(*types.List)
	if !ok {
		return nil, errors.New("an OrderedDict of something else than a list")
	}
	return &ordered{first: pairs}, nil
}

// storage is what a persistent id stands for: a run of elements.
type storage struct {
	key    string
	dtype  DType
	offset int // elements before it under the same key
	count  int // elements
}

// storageOf reads a persistent id: ('storage', type, key, location, count) and, in the older kind, a view's
// (key, offset, count) or None.
func storageOf(id any) (any, error) {
	tuple, ok := id.(*types.Tuple)
	if !ok || tuple.Len() < 5 || tuple.Len() > 6 || tuple.Get(0) != "storage" {
		return nil, errors.New("a persistent id that is no storage")
	}
	s := &storage{}
	var okType, okKey, okCount bool
	s.dtype, okType = tuple.Get(1).(DType)
	s.key, okKey = tuple.Get(2).(string)
	s.count, okCount = tuple.Get(4).(int)
	if !okType || !okKey || !okCount {
		return nil, errors.New("a storage without type, key and number of elements")
	}
	if tuple.Len() == 6 && tuple.Get(5) != nil {
		view, ok := tuple.Get(5).(*types.Tuple)
		if !ok || view.Len() != 3 {
			return nil, errors.New("a storage's view without key, offset and number of elements")
		}
		var okOffset bool
		s.offset, okOffset = view.Get(1).(int)
		if s.count, okCount = view.Get(2).(int); !okOffset || !okCount {
			return nil, errors.New("a storage's view without key, offset and number of elements")
		}
	}
	return s, nil
}

// strided is a tensor as a pickle has it: some elements of a storage.
type strided struct {
	*storage
	first         int // element
	shape, stride []int
}

// rebuildTensor takes storage, offset, shape, stride, and more that is not needed.
func rebuildTensor(args []any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor of %d arguments, want at least 4", len(args))
	}
	s, okStorage := args[0].(*storage)
	first, okFirst := args[1].(int)
	shape, okShape := lengths(args[2])
	stride, okStride := lengths(args[3])
	if !okStorage || !okFirst || !okShape || !okStride || len(shape) != len(stride) {
		return nil, errors.New("a tensor without storage, offset, shape and stride")
	}
	return &strided{s, first, shape, stride}, nil
}

// maxAxes is how many axes a tensor of PyTorch can have.
const maxAxes = 64

// lengths returns a tuple of numbers.
func lengths(v any) ([]int, bool) {
	tuple, ok := v.(*types.Tuple)
	if !ok || tuple.Len() > maxAxes {
		return nil, false
	}
	list := make([]int, tuple.Len())
	for i := range list {
		if list[i], ok = tuple.Get(i).(int); !ok {
			return nil, false
		}
	}
	return list, true
}
