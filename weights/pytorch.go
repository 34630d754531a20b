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
// sum (CRC-32) of an entry is compared when it is read; torch.save may leave the sums out, as zero.
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
	other
)

// magic is the number that the older kind begins with, as a pickle after the byte of the protocol and perhaps a frame.
const magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

// kindOf looks at the first bytes of a file. A safetensors file may begin with the bytes of the others, as a length,
// but always has a brace after it.
func kindOf(data []byte) kind {
	switch {
	case len(data) > prefixLen && data[prefixLen] == '{':
		return safetensors
	// the latter of an empty one
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("PK\x05\x06")):
		return torchZip
	case len(data) < 2 || data[0] != opProto || data[1] < 2 || data[1] > 5:
		return other
	}
	start := data[2:]
	if n := 1 + operands[opFrame]; len(start) > n && start[0] == opFrame { // from protocol 4 on
		start = start[n:]
	}
	if bytes.HasPrefix(start, []byte(magic)) {
		return torchOld
	}
	return otherPickle
}

// content is what a file holds.
type content struct {
	tensors  []Tensor
	metadata map[string]string
	beside   map[string][]string // see namesBeside
	sections []Section           // of a checkpoint
	taken    string              // the section that tensors are of
	other    bool                // than version 0.1 took
	notes    []string            // for the user
}

// parse returns the content of a file of any kind. want names a section, "" the best.
func parse(src *source, want string) (c content, err error) {
	switch kindOf(src.data) {
	case torchZip:
		return parseZip(src, want)
	case torchOld:
		return parseOld(src, want)
	case otherPickle:
		return c, errors.New("a pickle, but not one of torch.save's")
	case other:
		if err := unknown(src.data); err != nil {
			return c, err
		}
	}
	c.tensors, c.metadata, err = parseHeader(src)
	return c, err
}

// parseZip returns the content of a zip.
func parseZip(src *source, want string) (c content, err error) {
	o, err := zipObject(src)
	if err != nil {
		return c, err
	}
	return locate(src, want, o.root, o.unknown, o.find)
}

// saved is what torch.save wrote.
type saved struct {
	root    any
	unknown map[string]bool               // names that the pickle asks for
	find    func(key string) (span, bool) // where the storage of a key lies
}

// zipObject returns what is saved in a zip.
func zipObject(src *source) (o saved, err error) {
	entries, err := entriesOf(src.data)
	if err != nil {
		return o, err
	}
	for _, name := range []string{"byteorder", "data.pkl"} {
		if err := entries[name].sum.check(); err != nil {
			return o, fmt.Errorf("%q: %w", name, err)
		}
	}
	order, ok := entries["byteorder"]
	if text := string(src.data[order.begin:order.end]); ok && text != "little" {
		return o, fmt.Errorf("its byteorder is %.20q, want little", text)
	}
	pickled, ok := entries["data.pkl"]
	if !ok {
		return o, errors.New("a zip without NAME/data.pkl, want one of torch.save's")
	}
	o.unknown = map[string]bool{}
	o.root, _, err = unpickle(src.data[pickled.begin:pickled.end], storageOf, o.unknown)
	o.find = func(key string) (span, bool) {
		where, ok := entries["data/"+key]
		return where, ok
	}
	return o, err
}

// entriesOf returns where the files of a zip lie, by their names without the first folder, which must be one for all.
func entriesOf(data []byte) (map[string]span, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, errors.New("it is a zip without its end, where its directory is: the file is cut short, or " +
			"damaged there")
	}
	if err := unknownZip(archive); err != nil {
		return nil, err
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
			return nil,
				fmt.Errorf("%.100q is compressed or encrypted, torch.save does neither: pack it anew with zip -0",
					f.Name)
		}
		begin, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%.100q: %w", f.Name, err)
		}
		if begin > int64(len(data)) || f.UncompressedSize64 > uint64(int64(len(data))-begin) {
			return nil, fmt.Errorf("%.100q lies at %d and has %d bytes, the file has %d", f.Name, begin,
				f.UncompressedSize64, len(data))
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("%.100q is there twice", f.Name)
		}
		end := int(begin) + int(f.UncompressedSize64)
		entries[name] = span{int(begin), end, &checksum{data: data[begin:end], want: f.CRC32}}
		spans = append(spans, entries[name])
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin),
			cmp.Compare(a.end, b.end))
	})
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end {
			return nil, fmt.Errorf("two files of it overlap, at byte %d", spans[i].begin)
		}
	}
	return entries, nil
}

// parseOld returns the content of a file of the older kind.
func parseOld(src *source, want string) (c content, err error) {
	o, err := oldObject(src)
	if err != nil {
		return c, err
	}
	return locate(src, want, o.root, o.unknown, o.find)
}

// oldObject returns what is saved in a file of the older kind.
func oldObject(src *source) (o saved, err error) {
	storages := map[string]*storage{}
	note := func(id any) (any, error) {
		s, err := storageOf(id)
		if s, ok := s.(*storage); ok && storages[s.key] == nil {
			storages[s.key] = s
		}
		return s, err
	}
	const third = 3 // the one that may name anything; it comes before the keys
	at := 0
	var values [5]any
	for i := range values {
		unknown := map[string]bool{}
		value, n, err := unpickle(src.data[at:], note, unknown)
		if err != nil {
			return o, fmt.Errorf("pickle %d of %d: %w", i+1, len(values), err)
		}
		if i == third {
			o.unknown = unknown
		} else if len(unknown) > 0 {
			return o, asks(unknown)
		}
		values[i] = value
		at += n
	}
	if values[1] != 1001 {
		return o, errors.New("its protocol is not 1001, the only one there is")
	}
	system, _ := pairs(values[2])
	for _, item := range system {
		if item.Key == "little_endian" && item.Value != true {
			return o, errors.New("it is big-endian, want little-endian")
		}
	}
	spans, err := oldSpans(src.data, at, values[4], storages)
	if err != nil {
		return o, err
	}
	o.root = values[third]
	o.find = func(key string) (span, bool) {
		where, ok := spans[key]
		return where, ok
	}
	return o, nil
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
		element := s.element()
		if element == 0 {
			return nil, fmt.Errorf("storage %.40q is of %.100q, want floats, whole numbers or booleans", key, s.class)
		}
		n := binary.LittleEndian.Uint64(data[at:])
		at += prefix
		if n > uint64((len(data)-at)/element) {
			return nil, fmt.Errorf("storage %.40q is given as %d elements of %s, the file has %d bytes after it", key,
				n, cmp.Or(string(s.dtype), s.class), len(data)-at)
		}
		end := at + int(n)*element
		spans[key] = span{begin: at, end: end}
		at = end
	}
	if at != len(data) {
		return nil, fmt.Errorf("the storages end at byte %d, the file at %d", at, len(data))
	}
	return spans, nil
}

// locate returns the content of a checkpoint, its tensors sorted by name; find says where the storage of a key lies.
func locate(src *source, want string, root any, unknown map[string]bool,
	find func(key string) (span, bool)) (c content, err error) {
	var taken *Section
	w, err := sectionsOf(root)
	if err == nil {
		taken, err = w.take(want, &c)
	}
	if errors.Is(err, errNoTensors) && len(unknown) > 0 {
		return c, asks(unknown)
	}
	if err != nil {
		return c, err
	}
	c.beside = namesBeside(root)
	if len(unknown) > 0 {
		c.notes = append(c.notes, "objects beside the tensors are not read: "+some(slices.Sorted(maps.Keys(unknown))))
	}
	named, err := taken.tensorsOf()
	if err != nil {
		return c, err
	}
	room := len(src.data) + mostCopies
	for _, name := range slices.Sorted(maps.Keys(named)) {
		s, ok := named[name].(*strided)
		if !ok {
			c.tensors = append(c.tensors, Tensor{Name: name, src: src, fault: named[name].(*instance).fault()})
			continue
		}
		if s.dtype == "" {
			c.tensors = append(c.tensors, Tensor{Name: name, Shape: s.shape, src: src, fault: s.fault()})
			continue
		}
		where, ok := find(s.key)
		if !ok {
			return c, fmt.Errorf("tensor %.100q: its storage %.40q is not in the file", name, s.key)
		}
		t, copied, err := s.tensor(name, src, where, room)
		if err != nil {
			return c, fmt.Errorf("tensor %.100q: %w", name, err)
		}
		room -= copied
		c.tensors = append(c.tensors, t)
	}
	note, err := faulty(c.tensors)
	if note != "" {
		c.notes = append(c.notes, note)
	}
	return c, err
}

// asks is the error of a pickle that is something else than weights.
func asks(unknown map[string]bool) error {
	return fmt.Errorf("its pickle holds no tensors, but asks for %s, which no weights need: it may be a whole model "+
		"(save its state_dict), or harmful; nothing of it was run",
		some(slices.Sorted(maps.Keys(unknown))))
}

// some names the first few of a list.
func some(names []string) string {
	const most = 5
	list := fmt.Sprintf("%.60q", names[:min(len(names), most)])
	list = strings.ReplaceAll(list[1:len(list)-1], "\" \"", "\", \"")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
