package weights

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// torch.save writes one of two kinds of files.
//
// Since PyTorch 1.6 a zip, nothing in it compressed, of one folder of any name:
//
//	NAME/data.pkl      a pickle of the object; a tensor in it names a storage by its key
//	NAME/byteorder     "little" or "big"; absent before PyTorch 2.1, when all were little-endian
//	NAME/data/KEY      the elements of a storage
//
// and others that are not needed. An entry begins at a multiple of 64 bytes, by a field of padding before it. The
// sums (CRC-32) of the entries are not compared: that would read the whole file, and torch.save may leave them out.
//
// The older kind, five pickles and then the storages in the order of the keys:
//
//	the number 0x1950a86a20f9469cfc6c ‖ the number 1001 ‖ {"little_endian": True, …} ‖ the object ‖ [key, …]
//	‖ for each key: int64 n ‖ n elements

// kind is how a file begins.
type kind int

const (
	safetensors kind = iota
	torchZip
	torchOld
	otherPickle
)

// magic is the number that the older kind begins with, as a pickle after the byte of the protocol.
const magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

// kindOf looks at the first bytes of a file. A safetensors file may begin with the bytes of the others, as a length,
// but always has a brace after it.
func kindOf(data []byte) kind {
	switch {
	case len(data) > prefixLen && data[prefixLen] == '{':
		return safetensors
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return torchZip
	case len(data) < 2 || data[0] != opProto || data[1] < 2 || data[1] > 5:
		return safetensors
	case bytes.HasPrefix(data[2:], []byte(magic)):
		return torchOld
	}
	return otherPickle
}

// parse returns the tensors and the metadata of a file of any kind.
func parse(src *source) ([]Tensor, map[string]string, error) {
	var tensors []Tensor
	var err error
	switch kindOf(src.data) {
	case torchZip:
		tensors, err = parseZip(src)
	case torchOld:
		tensors, err = parseOld(src)
	case otherPickle:
		err = errors.New("a pickle, but not one of torch.save's")
	default:
		return parseHeader(src)
	}
	return tensors, nil, err
}

// parseZip returns the tensors of a zip.
func parseZip(src *source) ([]Tensor, error) {
	entries, err := entriesOf(src.data)
	if err != nil {
		return nil, err
	}
	order, ok := entries["byteorder"]
	if text := string(src.data[order.begin:order.end]); ok && text != "little" {
		return nil, fmt.Errorf("its byteorder is %.20q, want little", text)
	}
	object, ok := entries["data.pkl"]
	if !ok {
		return nil, errors.New("a zip without NAME/data.pkl, want one of torch.save's")
	}
	root, _, err := unpickle(src.data[object.begin:object.end], storageOf)
	if err != nil {
		return nil, err
	}
	return locate(src, root, func(key string) (span, bool) {
		where, ok := entries["data/"+key]
		return where, ok
	})
}

// entriesOf returns where the files of a zip lie, by their names without the first folder, which must be one for all.
func entriesOf(data []byte) (map[string]span, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("its zip directory: %w; the file may be cut short", err)
	}
	entries := map[string]span{}
	var spans []span
	folder := ""
	for _, f := range archive.File {
		top, name, ok := strings.Cut(f.Name, "/")
		if folder == "" {
			folder = top
		}
		if !ok || top != folder {
			return nil, fmt.Errorf("%.100q lies outside the folder %.40q, want all files in one", f.Name, folder)
		}
		if f.Method != zip.Store || f.Flags&1 != 0 || f.CompressedSize64 != f.UncompressedSize64 {
			return nil, fmt.Errorf("%.100q is compressed or encrypted, torch.save does neither: pack it anew with zip -0", f.Name)
		}
		begin, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%.100q: %w", f.Name, err)
		}
		if begin > int64(len(data)) || f.UncompressedSize64 > uint64(int64(len(data))-begin) {
			return nil, fmt.Errorf("%.100q lies at %d and has %d bytes, the file has %d", f.Name, begin, f.UncompressedSize64, len(data))
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("%.100q is there twice", f.Name)
		}
		entries[name] = span{int(begin), int(begin) + int(f.UncompressedSize64)}
		spans = append(spans, entries[name])
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end {
			return nil, fmt.Errorf("two files of it overlap, at byte %d", spans[i].begin)
		}
	}
	return entries, nil
}

// parseOld returns the tensors of a file of the older kind.
func parseOld(src *source) ([]Tensor, error) {
	storages := map[string]*storage{}
	note := func(id any) (any, error) {
		s, err := storageOf(id)
		if s, ok := s.(*storage); ok && storages[s.key] == nil {
			storages[s.key] = s
		}
		return s, err
	}
	at := 0
	var values [5]any
	for i := range values {
		value, n, err := unpickle(src.data[at:], note)
		if err != nil {
			return nil, fmt.Errorf("pickle %d of %d: %w", i+1, len(values), err)
		}
		values[i] = value
		at += n
	}
	if values[1] != 1001 {
		return nil, errors.New("its protocol is not 1001, the only one there is")
	}
	system, _ := pairs(values[2])
	for _, item := range system {
		if item.Key == "little_endian" && item.Value != true {
			return nil, errors.New("it is big-endian, want little-endian")
		}
	}
	spans, err := oldSpans(src.data, at, values[4], storages)
	if err != nil {
		return nil, err
	}
	return locate(src, values[3], func(key string) (span, bool) {
		where, ok := spans[key]
		return where, ok
	})
}

// oldSpans returns where the storages lie, the first of them at byte at.
func oldSpans(data []byte, at int, keys any, storages map[string]*storage) (map[string]span, error) {
	list, ok := keys.(*types.List)
	if !ok {
		return nil, errors.New("its last pickle is no list of keys")
	}
	spans := map[string]span{}
	for _, k := range *list {
		key, _ := k.(string)
		s := storages[key]
		if _, twice := spans[key]; s == nil || twice {
			return nil, fmt.Errorf("its list of keys has %.40q, want every storage once", key)
		}
		const prefix = 8
		if len(data)-at < prefix {
			return nil, fmt.Errorf("the storages end before %.40q; the file is cut short", key)
		}
		n := binary.LittleEndian.Uint64(data[at:])
		at += prefix
		if n > uint64((len(data)-at)/sizes[s.dtype]) {
			return nil, fmt.Errorf("storage %.40q is given as %d elements of %s, the file has %d bytes after it", key, n, s.dtype, len(data)-at)
		}
		end := at + int(n)*sizes[s.dtype]
		spans[key] = span{at, end}
		at = end
	}
	if at != len(data) {
		return nil, fmt.Errorf("the storages end at byte %d, the file at %d", at, len(data))
	}
	return spans, nil
}

// locate returns the tensors of a checkpoint, sorted by name; find says where the storage of a key lies.
func locate(src *source, root any, find func(key string) (span, bool)) ([]Tensor, error) {
	named, err := stateDict(root)
	if err != nil {
		return nil, err
	}
	var tensors []Tensor
	room := len(src.data)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		s := named[name]
		where, ok := find(s.key)
		if !ok {
			return nil, fmt.Errorf("tensor %.100q: its storage %.40q is not in the file", name, s.key)
		}
		t, copied, err := s.tensor(name, src, where, room)
		if err != nil {
			return nil, fmt.Errorf("tensor %.100q: %w", name, err)
		}
		room -= copied
		tensors = append(tensors, t)
	}
	return tensors, nil
}
