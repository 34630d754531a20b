package wild

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Objects of Python, as [Pickle] takes them, beside nil, bool, int, float64, string and *big.Int.
type (
	List  []any
	Tuple []any
	Dict  []Item
	Item  struct{ Key, Value any }
	// Global is a function or a class: "MODULE NAME".
	Global string
	// Call is what a function returns for arguments; New is a fresh object of a class.
	Call struct {
		Function any
		Args     Tuple
	}
	New struct{ Class Global }
	// Build is an object with a state.
	Build struct{ Object, State any }
	// Persistent is an object that lies elsewhere, under an id; the older kind of archives has a None at its end.
	Persistent struct{ ID Tuple }
	// Raw is opcodes as they are.
	Raw string
)

// Pickle returns v as Python's pickle.dumps writes it under protocol 2: every string and every global once, then from
// the memo.
func Pickle(v any) []byte { return dumps(v, false) }

func dumps(v any, old bool) []byte {
	p := pickler{memo: map[any]int{}, old: old}
	p.add("\x80\x02")
	p.value(v)
	p.add(".")
	return p.out
}

type pickler struct {
	out  []byte
	puts int
	memo map[any]int
	old  bool
}

func (p *pickler) add(s string) { p.out = append(p.out, s...) }

// put writes what takes the top of the stack into the memo.
func (p *pickler) put(key any) {
	if key != nil {
		p.memo[key] = p.puts
	}
	p.numbered('q', 'r', p.puts)
	p.puts++
}

// numbered writes an opcode with a small or a large number.
func (p *pickler) numbered(small, large byte, n int) {
	if n < 256 {
		p.out = append(p.out, small, byte(n))
	} else {
		p.out = binary.LittleEndian.AppendUint32(append(p.out, large), uint32(n))
	}
}

// again writes the object from the memo, if it is there.
func (p *pickler) again(key any) bool {
	n, ok := p.memo[key]
	if ok {
		p.numbered('h', 'j', n)
	}
	return ok
}

func (p *pickler) value(v any) {
	switch v := v.(type) {
	case nil:
		p.add("N")
	case bool:
		p.add(map[bool]string{true: "\x88", false: "\x89"}[v])
	case int:
		p.int(v)
	case *big.Int: // above zero
		b := v.Bytes()
		slices.Reverse(b)
		if b[len(b)-1] >= 0x80 { // the highest bit is the sign
			b = append(b, 0)
		}
		p.out = append(append(p.out, 0x8a, byte(len(b))), b...)
	case float64:
		p.out = binary.BigEndian.AppendUint64(append(p.out, 'G'), math.Float64bits(v))
	case string:
		if !p.again(v) {
			p.out = binary.LittleEndian.AppendUint32(append(p.out, 'X'), uint32(len(v)))
			p.add(v)
			p.put(v)
		}
	case Global:
		if !p.again(v) {
			p.add("c" + strings.Replace(string(v), " ", "\n", 1) + "\n")
			p.put(v)
		}
	case Raw:
		p.add(string(v))
	case List, Tuple, Dict:
		p.container(v)
	case Call:
		p.value(v.Function)
		p.value(v.Args)
		p.add("R")
		p.put(nil)
	case New:
		p.value(v.Class)
		p.add(")\x81")
		p.put(nil)
	case Build:
		p.value(v.Object)
		p.value(v.State)
		p.add("b")
	case filled:
		p.value(v.object)
		p.items("u", v.items.flat()...)
	case Persistent:
		if p.old && len(v.ID) == 5 {
			v.ID = append(slices.Clone(v.ID), nil)
		}
		p.value(v.ID)
		p.add("Q")
	default:
		panic(fmt.Sprintf("wild: cannot pickle a %T", v))
	}
}

func (p *pickler) int(v int) {
	switch {
	case v >= 0 && v < 1<<8:
		p.out = append(p.out, 'K', byte(v))
	case v >= 0 && v < 1<<16:
		p.out = binary.LittleEndian.AppendUint16(append(p.out, 'M'), uint16(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		p.out = binary.LittleEndian.AppendUint32(append(p.out, 'J'), uint32(v))
	default:
		p.out = binary.LittleEndian.AppendUint64(append(p.out, 0x8a, 8), uint64(v))
	}
}

func (p *pickler) container(v any) {
	switch v := v.(type) {
	case List:
		p.add("]")
		p.put(nil)
		p.items("e", v...)
	case Dict:
		p.add("}")
		p.put(nil)
		p.items("u", v.flat()...)
	case Tuple:
		if len(v) == 0 {
			p.add(")")
			return
		}
		if len(v) > 3 {
			p.add("(")
		}
		for _, x := range v {
			p.value(x)
		}
		p.add([]string{"", "\x85", "\x86", "\x87", "t"}[min(len(v), 4)])
		p.put(nil)
	}
}

// items writes what puts all of v into the container below, by op.
func (p *pickler) items(op string, v ...any) {
	if len(v) == 0 {
		return
	}
	p.add("(")
	for _, x := range v {
		p.value(x)
	}
	p.add(op)
}

func (d Dict) flat() []any {
	var list []any
	for _, item := range d {
		list = append(list, item.Key, item.Value)
	}
	return list
}

// Ordered is a collections.OrderedDict as Python 3 writes it: made empty, then filled.
func Ordered(d Dict) any {
	empty := Call{Global("collections OrderedDict"), Tuple{}}
	if len(d) == 0 {
		return empty
	}
	return filled{empty, d}
}

// Filled is an object into which the items are put.
func Filled(object any, d Dict) any { return filled{object, d} }

type filled struct {
	object any
	items  Dict
}

// Pairs returns a dict of key, value, key, value …
func Pairs(list ...any) Dict {
	var d Dict
	for i := 0; i < len(list); i += 2 {
		d = append(d, Item{list[i], list[i+1]})
	}
	return d
}
