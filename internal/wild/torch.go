package wild

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"

	"mgd3/internal/atomicfile"
	"mgd3/weights"
)

// Storage is a run of elements in a file of torch.save's.
type Storage struct {
	Key   string
	DType weights.DType
	Count int // elements
	Data  []byte
}

var storageTypes = map[weights.DType]Global{"F32": "torch FloatStorage", "F16": "torch HalfStorage", "BF16": "torch BFloat16Storage",
	"F64": "torch DoubleStorage", "I64": "torch LongStorage", "I32": "torch IntStorage", "I16": "torch ShortStorage",
	"I8": "torch CharStorage", "U8": "torch ByteStorage", "BOOL": "torch BoolStorage"}

var elementSizes = map[weights.DType]int{"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

// Tensor returns a view of the storage from its element first on.
func (s *Storage) Tensor(first int, shape, stride []int) Call {
	id := Tuple{"storage", storageTypes[s.DType], s.Key, "cpu", s.Count}
	return Call{Global("torch._utils _rebuild_tensor_v2"), Tuple{Persistent{id}, first, ints(shape), ints(stride), false, Ordered(nil)}}
}

// Strides returns those of a tensor whose elements lie one after the other.
func Strides(shape []int) []int {
	stride := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= max(shape[i], 1)
	}
	return stride
}

func ints(list []int) Tuple {
	t := Tuple{}
	for _, v := range list {
		t = append(t, v)
	}
	return t
}

// Archive is what torch.save writes.
type Archive struct {
	Object    any
	Storages  []*Storage
	Folder    string // the zip's
	ByteOrder string // "little"; "" leaves it out, as before PyTorch 2.1
}

// Torch returns an archive of a model's state_dict; wrap, if any, puts it into a larger checkpoint.
func Torch(list []weights.Tensor, wrap func(state any) any) Archive {
	a := Archive{Folder: "archive", ByteOrder: "little"}
	var state Dict
	for i, t := range list {
		s := &Storage{fmt.Sprint(i), t.DType, len(t.Bytes()) / elementSizes[t.DType], t.Bytes()}
		a.Storages = append(a.Storages, s)
		state = append(state, Item{t.Name, s.Tensor(0, t.Shape, Strides(t.Shape))})
	}
	metadata := Ordered(Dict{{"", Dict{{"version", 1}}}})
	a.Object = Build{Ordered(state), Dict{{"_metadata", metadata}}}
	if wrap != nil {
		a.Object = wrap(a.Object)
	}
	return a
}

// Averaged returns a checkpoint with the tensors under state_dict_ema, and zeros in their place under state_dict, after
// "module.", beside a path.
func Averaged(list []weights.Tensor) Archive {
	a := Torch(Prefixed("module.", list), nil)
	zeros := Torch(Prefixed("module.", each(list, func(t weights.Tensor) weights.Tensor {
		return weights.Raw(t.Name, t.DType, t.Shape, make([]byte, len(t.Bytes())))
	})), nil)
	state := Dict{}
	for i, s := range zeros.Storages {
		s.Key = fmt.Sprint(len(list) + i)
		a.Storages = append(a.Storages, s)
		state = append(state, Item{"module." + list[i].Name, s.Tensor(0, list[i].Shape, Strides(list[i].Shape))})
	}
	path := Call{Global("pathlib PosixPath"), Tuple{"/", "data"}}
	a.Object = Dict{{"state_dict", Ordered(state)}, {"state_dict_ema", a.Object}, {"args", Dict{{"data", path}}}}
	return a
}

// DiTCheckpoint is what the training program of DiT saves: model beside its running average, which is state, the
// optimizer and the arguments.
func DiTCheckpoint(model any) func(state any) any {
	return func(state any) any {
		args := Build{New{"argparse Namespace"}, Dict{{"model", "DiT-XL/2"}, {"image_size", 256}, {"num_classes", 1000}, {"ckpt", nil}}}
		optimizer := Dict{{"state", Dict{{0, Dict{{"step", 1.5}}}}},
			{"param_groups", List{Dict{{"lr", 1e-4}, {"betas", Tuple{0.9, 0.999}}, {"foreach", nil}, {"params", List{0, 1}}}}}}
		return Dict{{"model", model}, {"ema", state}, {"opt", optimizer}, {"args", args}}
	}
}

// Zip returns the archive as PyTorch writes it since 1.6.
func (a Archive) Zip() []byte {
	var b bytes.Buffer
	z := NewZip(&b, a.Folder)
	z.Add("data.pkl", Pickle(a.Object))
	z.Add(".format_version", []byte("1"))
	z.Add(".storage_alignment", []byte("64"))
	if a.ByteOrder != "" {
		z.Add("byteorder", []byte(a.ByteOrder))
	}
	for _, s := range a.Storages {
		z.Add("data/"+s.Key, s.Data)
	}
	z.Add("version", []byte("3\n"))
	z.Close()
	return b.Bytes()
}

// Zip writes a zip as PyTorch does: nothing compressed, all contents at multiples of 64 bytes. It panics on an error.
type Zip struct {
	w      *zip.Writer
	at     *counter
	folder string
}

// NewZip begins a zip of one folder.
func NewZip(w io.Writer, folder string) *Zip {
	at := &counter{w: w}
	return &Zip{zip.NewWriter(at), at, folder}
}

// Add writes a file of these parts, one after the other.
func (z *Zip) Add(name string, parts ...[]byte) {
	must(z.w.Flush())
	const localHeader, align = 30, 64
	h := &zip.FileHeader{Name: z.folder + "/" + name, Method: zip.Store, Flags: 0x808}
	pad := align - (z.at.n+localHeader+int64(len(h.Name))+4)%align
	h.Extra = append(binary.LittleEndian.AppendUint16([]byte("FB"), uint16(pad)), bytes.Repeat([]byte{'Z'}, int(pad))...)
	for _, part := range parts {
		h.UncompressedSize64 += uint64(len(part))
	}
	h.CompressedSize64 = h.UncompressedSize64
	if len(parts) == 1 {
		h.CRC32 = crc32.ChecksumIEEE(parts[0])
	}
	w, err := z.w.CreateRaw(h)
	must(err)
	for _, part := range parts {
		_, err := w.Write(part)
		must(err)
	}
}

// Close writes the directory.
func (z *Zip) Close() { must(z.w.Close()) }

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Old returns the archive as PyTorch wrote it before 1.6.
func (a Archive) Old() []byte {
	magic, _ := new(big.Int).SetString("1950a86a20f9469cfc6c", 16)
	sizes := Dict{{"short", 2}, {"int", 4}, {"long", 4}}
	keys := List{}
	for _, s := range a.Storages {
		keys = append(keys, s.Key)
	}
	var b []byte
	for _, v := range []any{magic, 1001, Dict{{"protocol_version", 1001}, {"little_endian", a.ByteOrder != "big"}, {"type_sizes", sizes}}, a.Object, keys} {
		b = append(b, dumps(v, true)...)
	}
	for _, s := range a.Storages {
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Count))
		b = append(b, s.Data...)
	}
	return b
}

// WriteTorch writes a state_dict, as PyTorch does since 1.6.
func WriteTorch(path string, list []weights.Tensor) error {
	return atomicfile.WriteBytes(path, Torch(list, nil).Zip())
}
