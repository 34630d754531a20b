package cpu

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// Buffer implements [compute.Buffer].
type Buffer struct {
	backend *Backend

	mu     sync.Mutex
	tensor ir.Tensor // Flat is nil once the buffer is finalized or donated
	memory []byte    // from the pool
	shared bool      // somebody has a slice of it
	copies map[any]any
	kept   int64 // bytes of the copies
	packed packed
	users  int // executions that read it now
}

var _ compute.Buffer = (*Buffer)(nil)

// newBuffer returns a buffer that holds anything.
func (b *Backend) newBuffer(shape shapes.Shape) *Buffer {
	memory := b.pool.get(shape.DType.SizeForDimensions(shape.Size()))
	return &Buffer{backend: b, memory: memory, tensor: ir.Tensor{Shape: shape.Clone(), Flat: flatOf(shape, memory)}}
}

// flatOf returns memory as a slice of the shape's type.
func flatOf(shape shapes.Shape, memory []byte) any {
	return dtypes.UnsafeAnySliceFromBytes(unsafe.Pointer(unsafe.SliceData(memory)), shape.DType, shape.Size())
}

// BufferFromFlatData implements [compute.DataInterface].
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	if err := b.checkNew("BufferFromFlatData", device, shape); err != nil {
		return nil, err
	}
	buffer := b.newBuffer(shape)
	if err := copyFlat("BufferFromFlatData", buffer.tensor.Flat, flat, shape); err != nil {
		return nil, err
	}
	return buffer, nil
}

// HasSharedBuffers returns true.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer implements [compute.DataInterface]. The buffer holds anything.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	if err := b.checkNew("NewSharedBuffer", device, shape); err != nil {
		return nil, nil, err
	}
	buffer := b.newBuffer(shape)
	buffer.shared = true
	return buffer, buffer.tensor.Flat, nil
}

func (b *Backend) checkNew(op string, device compute.DeviceNum, shape shapes.Shape) error {
	if err := b.open(op); err != nil {
		return err
	}
	if device != 0 {
		return errors.Errorf("%s: there is no device %d, only 0", op, device)
	}
	return checkShape(op, shape)
}

// checkShape checks that values of the shape can be stored.
func checkShape(op any, shape shapes.Shape) error {
	switch {
	case !capabilities.DTypes[shape.DType]:
		return errors.Wrapf(compute.ErrNotImplemented, "%v: the backend %q does not have values of %s", op, Name, shape)
	case shape.IsDynamic():
		return errors.Wrapf(compute.ErrNotImplemented, "%v: the backend %q has no dynamic shapes like %s", op, Name,
			shape)
	}
	return nil
}

// copyFlat copies between slices of the type and size of shape, one of which comes from outside.
func copyFlat(op string, dst, src any, shape shapes.Shape) error {
	need := shape.DType.SizeForDimensions(shape.Size())
	for _, flat := range []any{dst, src} {
		t := reflect.TypeOf(flat)
		if t == nil || t.Kind() != reflect.Slice || t.Elem() != shape.DType.GoType() &&
			dtypes.FromGoType(t.Elem()) != shape.DType {
			return errors.Errorf("%s: %s needs a []%s, got a %T", op, shape, shape.DType.GoType(), flat)
		}
		if have := len(dtypes.UnsafeByteSliceFromAny(flat)); have != need {
			return errors.Errorf("%s: %s is %d bytes, the slice %d", op, shape, need, have)
		}
	}
	copy(dtypes.UnsafeByteSliceFromAny(dst), dtypes.UnsafeByteSliceFromAny(src))
	return nil
}

// Backend implements [compute.Buffer].
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize gives the memory back. Finalizing again does nothing.
func (b *Buffer) Finalize() error {
	if b == nil {
		return errors.New("Finalize: the buffer is nil")
	}
	b.drop()
	if _, memory := b.release(); memory != nil && !b.backend.IsFinalized() {
		b.backend.pool.put(memory)
	}
	return nil
}

// reshaped moves the buffer's memory to a new buffer of another shape of the same size.
func (b *Buffer) reshaped(shape shapes.Shape) *Buffer {
	_, memory := b.release()
	return &Buffer{backend: b.backend, memory: memory, tensor: ir.Tensor{Shape: shape.Clone(),
		Flat: flatOf(shape, memory)}}
}

// release ends the buffer and hands over what it was.
func (b *Buffer) release() (ir.Tensor, []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stay()
	tensor, memory := b.tensor, b.memory
	b.tensor.Flat, b.memory = nil, nil
	b.dropCopies()
	return tensor, memory
}

// value returns what the buffer holds, or an error that says that op found it finalized.
func (b *Buffer) value(op string) (ir.Tensor, error) {
	if _, err := b.shape(op); err != nil {
		return ir.Tensor{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stay()
	return b.tensor, nil
}

// shape is value where only the shape matters.
func (b *Buffer) shape(op string) (shapes.Shape, error) {
	if b == nil {
		return shapes.Shape{}, errors.Errorf("%s: the buffer is nil", op)
	}
	if b.backend.IsFinalized() { // asked first: passing op on makes an allocation
		return shapes.Shape{}, b.backend.open(op)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory == nil && b.packed.memory == nil {
		return shapes.Shape{}, errors.Errorf("%s: the buffer of %s is finalized or was donated", op, b.tensor.Shape)
	}
	return b.tensor.Shape, nil
}

// Shape implements [compute.Buffer].
func (b *Buffer) Shape() (shapes.Shape, error) {
	return b.shape("Shape")
}

// DeviceNum implements [compute.Buffer].
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) {
	_, err := b.shape("DeviceNum")
	return 0, err
}

// ToFlatData implements [compute.Buffer].
func (b *Buffer) ToFlatData(flat any) error {
	tensor, err := b.value("ToFlatData")
	if err != nil {
		return err
	}
	return copyFlat("ToFlatData", flat, tensor.Flat, tensor.Shape)
}

// Data implements [compute.Buffer]. From now on the buffer keeps no rearranged copies; see the package comment.
func (b *Buffer) Data() (any, error) {
	tensor, err := b.value("Data")
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shared = true
	b.dropCopies()
	return tensor.Flat, nil
}

// CopyToDevice implements [compute.Buffer]; the only device is 0.
func (b *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	tensor, err := b.value("CopyToDevice")
	if err != nil {
		return nil, err
	}
	return b.backend.BufferFromFlatData(device, tensor.Flat, tensor.Shape)
}
