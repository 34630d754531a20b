package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Streamed is a tensor for [Save] whose elements, in little-endian order, are written when it is its turn: Layout has
// no data.
type Streamed struct {
	Layout Tensor
	Write  func(w io.Writer) error
}

// Save writes an object as torch.save does (the newer kind, protocol 2 of pickle): what a [Tree] has as its Value, or a
// Streamed in the place of a tensor. Equal objects give equal bytes. torch.load reads it with weights_only.
func Save(w io.Writer, object any) error {
	s := &saver{}
	s.pickle.Write([]byte{opProto, 2})
	if err := s.value(object); err != nil {
		return err
	}
	s.pickle.WriteByte(opStop)
	counted := &counter{w: w}
	z := zip.NewWriter(counted)
	for _, f := range []struct{ name, text string }{{"data.pkl", s.pickle.String()}, {"byteorder", "little"}} {
		if err := entry(z, counted, f.name, func(w io.Writer) error {
			_, err := io.WriteString(w, f.text)
			return err
		}); err != nil {
			return err
		}
	}
	for i, t := range s.storages {
		if err := entry(z, counted, fmt.Sprintf("data/%d", i),
			func(w io.Writer) error { return t.write(w) }); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Layout.Name, err)
		}
	}
	if err := entry(z, counted, "version", func(w io.Writer) error {
		_, err := io.WriteString(w, "3\n")
		return err
	}); err != nil {
		return err
	}
	return z.Close()
}

// write writes the elements, as many as the layout says.
func (t Streamed) write(w io.Writer) error {
	size, err := t.Layout.size()
	if err != nil {
		return err
	}
	c := &counter{w: w}
	if err := t.Write(c); err != nil {
		return err
	}
	if c.n != int64(size) {
		return fmt.Errorf("%d bytes of elements, want %d for shape %v of %s", c.n, size, t.Layout.Shape, t.Layout.DType)
	}
	return nil
}

// entry writes one file of the zip, stored, its content at a multiple of 64 bytes as torch.save has it.
func entry(z *zip.Writer, at *counter, name string, write func(io.Writer) error) error {
	if err := z.Flush(); err != nil {
		return err
	}
	h := &zip.FileHeader{Name: "archive/" + name, Method: zip.Store}
	const fixed, field, align = 30, 4, 64 // bytes of a header; of a field's id and length
	pad := int(-(at.n + fixed + int64(len(h.Name)) + field) & (align - 1))
	h.Extra = append([]byte("FB"), binary.LittleEndian.AppendUint16(nil, uint16(pad))...)
	h.Extra = append(h.Extra, bytes.Repeat([]byte("Z"), pad)...)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	return write(w)
}

// counter counts the bytes written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// saver makes the pickle.
type saver struct {
	pickle   bytes.Buffer
	storages []Streamed
}

// storageNames are PyTorch's types of storages.
var storageNames = map[DType]string{"F32": "FloatStorage", "F16": "HalfStorage", "F64": "DoubleStorage",
	"I64": "LongStorage", "I32": "IntStorage", "U8": "ByteStorage", "BOOL": "BoolStorage"}

func (s *saver) value(v any) error {
	switch v := v.(type) {
	case string:
		s.text(v)
	case int:
		s.integer(int64(v))
	case float64:
		s.pickle.WriteByte(opFloat)
		return binary.Write(&s.pickle, binary.BigEndian, v)
	case bool:
		s.pickle.WriteByte(map[bool]byte{true: opTrue, false: opFalse}[v])
	case nil:
		s.pickle.WriteByte(opNone)
	case []Item:
		s.pickle.WriteByte(opDict)
		for _, item := range v {
			if err := s.value(item.Key); err != nil {
				return err
			}
			if err := s.value(item.Value); err != nil {
				return fmt.Errorf("%v: %w", item.Key, err)
			}
			s.pickle.WriteByte(opSet)
		}
	case []any:
		s.pickle.WriteByte(opList)
		for _, item := range v {
			if err := s.value(item); err != nil {
				return err
			}
			s.pickle.WriteByte(opAppend)
		}
	case Tensor:
		return s.tensor(Streamed{v, func(w io.Writer) error { _, err := w.Write(v.Bytes()); return err }})
	case Streamed:
		return s.tensor(v)
	default:
		return fmt.Errorf("a %T is not written to PyTorch's files", v)
	}
	return nil
}

func (s *saver) text(v string) {
	s.pickle.WriteByte(opText)
	s.pickle.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(v))))
	s.pickle.WriteString(v)
}

// integer writes four bytes where they will do, else the number of bytes and they.
func (s *saver) integer(v int64) {
	if small := int32(v); int64(small) == v {
		s.pickle.WriteByte(opInt4)
		s.pickle.Write(binary.LittleEndian.AppendUint32(nil, uint32(small)))
		return
	}
	s.pickle.Write([]byte{opLong1, 8})
	s.pickle.Write(binary.LittleEndian.AppendUint64(nil, uint64(v)))
}

func (s *saver) global(module, name string) { fmt.Fprintf(&s.pickle, "c%s\n%s\n", module, name) }

func (s *saver) tuple(values ...int) {
	s.pickle.WriteByte(opMark)
	for _, v := range values {
		s.integer(int64(v))
	}
	s.pickle.WriteByte(opTuple)
}

// tensor writes _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()).
func (s *saver) tensor(t Streamed) error {
	storage, ok := storageNames[t.Layout.DType]
	if !ok {
		return fmt.Errorf("tensor %q of %s is not written to PyTorch's files", t.Layout.Name, t.Layout.DType)
	}
	count, strides := 1, make([]int, len(t.Layout.Shape))
	for i := len(strides) - 1; i >= 0; i-- {
		strides[i] = count
		count *= t.Layout.Shape[i]
	}
	s.global("torch._utils", "_rebuild_tensor_v2")
	s.pickle.Write([]byte{opMark, opMark})
	s.text("storage")
	s.global("torch", storage)
	s.text(fmt.Sprint(len(s.storages)))
	s.text("cpu")
	s.integer(int64(count))
	s.pickle.Write([]byte{opTuple, opPersistent})
	s.integer(0)
	s.tuple(t.Layout.Shape...)
	s.tuple(strides...)
	s.pickle.WriteByte(opFalse)
	s.global("collections", "OrderedDict")
	s.pickle.Write([]byte{opEmptyTuple, opReduce, opTuple, opReduce})
	s.storages = append(s.storages, t)
	return nil
}
