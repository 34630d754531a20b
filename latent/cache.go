package latent

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"sync"

	"mgd3/matrix"
	"mgd3/stage/atomicfile"
	"mgd3/store"
	"mgd3/weights"
)

// The cache keeps the latents of one class in one safetensors file:
//
//	tensor    latents [N, c, h, w] F32   one row per image that could be read, in the order of Names
//	metadata  key                        of everything the rows depend on
//	          names, skipped             JSON
//	          crc32c                     of the file, see weights.WriteSealed
//
// While a class is being encoded its rows stand in a journal beside it, so that neither memory nor
// the work lost to a kill grows with the class.

// Skipped is an image that has no latent.
type Skipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Class is the open cache file of one class.
type Class struct {
	Key     string
	Shape   []int // [c, h, w]
	Names   []string
	Skipped []Skipped

	path   string
	file   *weights.File
	check  sync.Once // of the checksum, before the first numbers are read
	fault  error
	sealed bool
}

const tensorName = "latents"

// OpenClass opens the cache file at path. One that cannot be read because it is not as it was written is a
// [weights.ErrDamaged]; of one that can be, [Class.Check] says so.
func OpenClass(path string) (*Class, error) {
	c, err := openClass(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		if _, fault := weights.CheckSeal(path); errors.Is(fault, weights.ErrDamaged) {
			return nil, fault
		}
	}
	return c, err
}

func openClass(path string) (*Class, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Class{Key: file.Metadata()["key"], path: path, file: file}
	if err := c.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return c, nil
}

func (c *Class) read() error {
	meta := c.file.Metadata()
	if err := errors.Join(json.Unmarshal([]byte(meta["names"]), &c.Names),
		json.Unmarshal([]byte(meta["skipped"]), &c.Skipped)); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	t, err := c.file.Tensor(tensorName)
	if err != nil {
		return err
	}
	if len(t.Shape) != 4 || t.DType != "F32" || t.Shape[0] != len(c.Names) {
		return fmt.Errorf("tensor %q is %s %v, want F32 [%d, c, h, w]", tensorName, t.DType, t.Shape, len(c.Names))
	}
	c.Shape = t.Shape[1:]
	return nil
}

// Check holds the file against the checksum in it, once; sealed is false if it has none. A file that is not as it was
// written is a [weights.ErrDamaged].
func (c *Class) Check() (sealed bool, err error) {
	c.check.Do(func() { c.sealed, c.fault = c.file.CheckSeal() })
	return c.sealed, c.fault
}

// Matrix returns all latents [N, c·h·w]. A file that is not as it was written is a [weights.ErrDamaged].
func (c *Class) Matrix() (matrix.Matrix, error) {
	m := matrix.Matrix{Rows: len(c.Names), Cols: c.Shape[0] * c.Shape[1] * c.Shape[2]}
	if _, err := c.Check(); err != nil {
		return m, err
	}
	t, err := c.file.Tensor(tensorName)
	if err != nil {
		return m, err
	}
	m.Data, err = t.Float32s()
	return m, err
}

// Row writes the i-th latent to dst [c·h·w], from the mapped file.
func (c *Class) Row(dst []float32, i int) error {
	if _, err := c.Check(); err != nil {
		return err
	}
	t, err := c.file.Tensor(tensorName)
	if err != nil {
		return err
	}
	return t.ReadFloat32s(dst, i*len(dst))
}

// Close closes the file.
func (c *Class) Close() error { return c.file.Close() }

// Writer makes the cache file of one class. Rows are added in the order of the names, one per name.
type Writer struct {
	path, key string
	names     []string
	shape     []int
	journal   store.Growing
	kept      []string
	skipped   []Skipped
}

// A journal is a magic line with the key, and then records
//
//	kind byte, length uint32, payload, CRC-32 of all before it (Castagnoli)
//
// in little-endian order, each for the next name: a latent's numbers, or why there is none.
const (
	kindLatent  = 'l'
	kindSkipped = 's'
	headSize    = 5
	maxReason   = 1 << 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalOf is the path of the journal of the cache file at path.
func journalOf(path string) string { return path + ".part" }

// RemoveJournal removes the journal beside a finished cache file, which is there if its Writer was killed at
// the end of Finish.
func RemoveJournal(path string) error {
	return atomicfile.RemoveAppended(journalOf(path))
}

// TakeJournal takes the journal of the cache file at path, if there is one, away from whoever may write to it still,
// and keeps what is in it. Both may go on, and finish with the same bytes.
func TakeJournal(path string) error { return atomicfile.TakeAppended(journalOf(path)) }

// NewWriter starts, or takes up again, the cache file at path for images of the given names, with
// latents of shape [c, h, w]. A journal under the same key is kept up to its last whole record; any
// other is dropped.
func NewWriter(path, key string, names []string, shape []int) (*Writer, error) {
	journal, err := atomicfile.Append(journalOf(path))
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, key: key, names: names, shape: shape, journal: journal}
	if err := w.recover(); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return w, nil
}

func (w *Writer) magic() string { return "mgd3 latents 1 " + w.key + "\n" }

// recover finds the last whole record, counts what is there, and cuts off the rest.
func (w *Writer) recover() error {
	end := int64(0)
	r := bufio.NewReader(w.journal)
	magic := make([]byte, len(w.magic()))
	if _, err := io.ReadFull(r, magic); err == nil && string(magic) == w.magic() {
		end = int64(len(magic))
		for w.Done() < len(w.names) {
			kind, payload, ok := w.next(r)
			if !ok {
				break
			}
			w.count(kind, payload)
			end += int64(headSize + len(payload) + 4)
		}
	}
	if err := w.journal.Truncate(end); err != nil {
		return err
	}
	if _, err := w.journal.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if end == 0 {
		_, err := io.WriteString(w.journal, w.magic())
		return err
	}
	return nil
}

// next reads one record; it is not ok where the journal ends, in the middle of one even.
func (w *Writer) next(r io.Reader) (kind byte, payload []byte, ok bool) {
	record := make([]byte, headSize)
	if _, err := io.ReadFull(r, record); err != nil {
		return 0, nil, false
	}
	kind, n := record[0], binary.LittleEndian.Uint32(record[1:])
	switch {
	case kind == kindLatent && int64(n) == 4*int64(w.RowSize()):
	case kind == kindSkipped && n <= maxReason:
	default:
		return 0, nil, false
	}
	record = append(record, make([]byte, n+4)...)
	if _, err := io.ReadFull(r, record[headSize:]); err != nil {
		return 0, nil, false
	}
	body, sum := record[:headSize+n], record[headSize+n:]
	return kind, body[headSize:], binary.LittleEndian.Uint32(sum) == crc32.Checksum(body, castagnoli)
}

func (w *Writer) count(kind byte, payload []byte) {
	name := w.names[w.Done()]
	if kind == kindSkipped {
		w.skipped = append(w.skipped, Skipped{name, string(payload)})
		return
	}
	w.kept = append(w.kept, name)
}

// RowSize is c·h·w.
func (w *Writer) RowSize() int {
	n := 1
	for _, d := range w.shape {
		n *= d
	}
	return n
}

// Done is the number of names that have their record: those from Done on are still to come.
func (w *Writer) Done() int { return len(w.kept) + len(w.skipped) }

// Add records the latent of the next name.
func (w *Writer) Add(latent []float32) error {
	if len(latent) != w.RowSize() {
		return fmt.Errorf("%s: a latent of %d numbers, want %v", w.path, len(latent), w.shape)
	}
	payload := make([]byte, 0, 4*len(latent))
	for _, v := range latent {
		payload = binary.LittleEndian.AppendUint32(payload, math.Float32bits(v))
	}
	return w.append(kindLatent, payload)
}

// Skip records why the next name has no latent.
func (w *Writer) Skip(reason string) error {
	return w.append(kindSkipped, []byte(reason[:min(len(reason), maxReason)]))
}

func (w *Writer) append(kind byte, payload []byte) error {
	if w.Done() >= len(w.names) {
		return fmt.Errorf("%s: every one of its %d images has its latent", w.path, len(w.names))
	}
	record := append([]byte{kind}, binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))...)
	record = append(record, payload...)
	record = binary.LittleEndian.AppendUint32(record, crc32.Checksum(record, castagnoli))
	if _, err := w.journal.Write(record); err != nil {
		return err
	}
	w.count(kind, payload)
	return nil
}

// Close leaves the journal for another time.
func (w *Writer) Close() error { return errors.Join(w.journal.Sync(), w.journal.Close()) }

// Finish puts the cache file into its place, removes the journal and closes the writer.
func (w *Writer) Finish() error {
	if w.Done() != len(w.names) {
		return fmt.Errorf("%s: has %d of %d images", w.path, w.Done(), len(w.names))
	}
	if err := atomicfile.Write(w.path, w.copy); err != nil {
		return err
	}
	return errors.Join(w.journal.Close(), atomicfile.RemoveAppended(w.journal.Name()))
}

// copy writes the journal's latents as a safetensors file.
func (w *Writer) copy(dst io.Writer) error {
	names, err := json.Marshal(slices.Concat([]string{}, w.kept))
	if err != nil {
		return err
	}
	skipped, err := json.Marshal(slices.Concat([]Skipped{}, w.skipped))
	if err != nil {
		return err
	}
	layout := []weights.Tensor{{Name: tensorName, DType: "F32", Shape: slices.Concat([]int{len(w.kept)}, w.shape)}}
	meta := map[string]string{"key": w.key, "names": string(names), "skipped": string(skipped)}
	return weights.WriteSealed(dst, layout, meta, w.copyRows)
}

// copyRows writes the journal's latents.
func (w *Writer) copyRows(out *weights.Writer) error {
	if _, err := w.journal.Seek(int64(len(w.magic())), io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(w.journal, 1<<20)
	for range w.names {
		kind, payload, ok := w.next(r)
		if !ok {
			return fmt.Errorf("%s: changed while it was being written", w.journal.Name())
		}
		if kind == kindLatent {
			if _, err := out.Write(payload); err != nil {
				return err
			}
		}
	}
	return nil
}
