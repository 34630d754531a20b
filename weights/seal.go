package weights

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"

	"mgd3/stage/seal"
	"mgd3/store"
)

// ErrDamaged says that a file's bytes are not those that were written.
var ErrDamaged = seal.ErrDamaged

// WriteSealed is [Write] of a file with a checksum of all its bytes in its metadata, which [CheckSeal] compares.
// data writes the tensors' elements in their order. It is called twice: to count, and to write.
func WriteSealed(w io.Writer, layout []Tensor, metadata map[string]string, data func(*Writer) error) error {
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[seal.Key], metadata[seal.KeyOf] = seal.Blank, seal.Of
	text, size, err := header(layout, metadata)
	if err != nil {
		return err
	}
	head := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	at, err := seal.Find(head)
	if err != nil || at < 0 {
		return errors.Join(err, errors.New("the header has no place for a checksum")) // header wrote it
	}
	sum := crc32.New(seal.Table)
	for _, to := range []io.Writer{sum, w} {
		if to == w {
			copy(head[at:], seal.Digits(sum.Sum32()))
		}
		if _, err := to.Write(head); err != nil {
			return err
		}
		out := &Writer{w: to, left: size}
		if err := data(out); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return nil
}

// WriteSealedTensors is [WriteSealed] of tensors in memory.
func WriteSealedTensors(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	return WriteSealed(w, tensors, metadata, func(out *Writer) error {
		for _, t := range tensors {
			if _, err := out.Write(t.Bytes()); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
		}
		return nil
	})
}

// CheckSeal holds the safetensors file at path against the checksum in it; sealed is false if it has none, as those of
// earlier versions and of other programs. Another sum, or a file that is not whole, is an [ErrDamaged]. The file
// is read, not mapped.
func CheckSeal(path string) (sealed bool, err error) {
	if store.Is(path) {
		_, sealed, err := readObject(path)
		return sealed, err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q: is not a regular file", path)
	}
	if err != nil {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if sealed, err = checkSeal(f, info.Size()); err != nil {
		return sealed, fmt.Errorf("%q: %w", path, err)
	}
	return sealed, nil
}

// OpenSealed is [CheckSeal] and then [Open], by one request where the file is in a bucket.
func OpenSealed(path string) (f *File, sealed bool, err error) {
	if store.Is(path) {
		data, sealed, err := readObject(path)
		if err != nil {
			return nil, sealed, err
		}
		f, err := openAt(place{inBucket{path, data}, filepath.Join}, path)
		return f, sealed, err
	}
	if sealed, err = CheckSeal(path); err != nil {
		return nil, sealed, err
	}
	f, err = Open(path)
	return f, sealed, err
}

func checkSeal(r io.Reader, size int64) (sealed bool, err error) {
	head := make([]byte, prefixLen)
	if _, err := io.ReadFull(r, head); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	} else if err != nil {
		return false, fmt.Errorf("%w: it ends after %d bytes", ErrDamaged, size)
	}
	n := binary.LittleEndian.Uint64(head)
	if n > maxHeader || int64(n) > size-prefixLen {
		return false, fmt.Errorf("%w: its header has %d bytes, and the file %d", ErrDamaged, n, size)
	}
	head = append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, head[prefixLen:]); err != nil {
		return false, err
	}
	at, err := seal.Find(head)
	if at < 0 && err == nil && !json.Valid(head[prefixLen:]) {
		err = fmt.Errorf("%w: its header is not JSON", ErrDamaged)
	}
	if at < 0 || err != nil {
		return err != nil, err
	}
	want := string(head[at : at+len(seal.Blank)])
	copy(head[at:], seal.Blank)
	sum := crc32.New(seal.Table)
	sum.Write(head)
	buffer := make([]byte, min(max(size-int64(len(head)), 1), 1<<20)) // most files are small, and there are many
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{r}, buffer); err != nil {
		return true, err
	}
	return true, seal.Compare(sum.Sum32(), want)
}
