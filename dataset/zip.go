package dataset

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"mgd3/store"
)

// zipFile is a zip archive, read by its central directory.
type zipFile struct {
	store.File
	members []*zip.File
}

func (z zipFile) read(_ string, ref Ref) ([]byte, error) {
	data, err := readFile(ref.Size, z.members[ref.at].Open)
	return data, zipWords(err)
}

// zipWords says in words what is wrong with a zip.
func zipWords(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zip.ErrFormat):
		return errors.New("the zip is damaged or cut short, or one part of several: its directory, which is at " +
			"the end, is not whole")
	case errors.Is(err, zip.ErrChecksum):
		return errors.New("the zip is damaged: the file's CRC-32 is another than its directory has")
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errChanged):
		return errors.New("the zip is damaged: the file cannot be unpacked")
	}
	return err
}

// onePart tells whether a zip is whole, and not the last of several parts (set.z01, set.z02, set.zip): its last record
// has the number of the part that it is in (APPNOTE.TXT 6.3.10, section 4.3.16).
func onePart(r io.ReaderAt, size int64) error {
	const record, longest = 22, 22 + 1<<16
	end := make([]byte, min(size, longest))
	if n, err := r.ReadAt(end, size-int64(len(end))); n < len(end) {
		return err
	}
	at := bytes.LastIndex(end, []byte("PK\x05\x06"))
	if at < 0 || len(end)-at < record {
		return nil
	}
	if part := binary.LittleEndian.Uint16(end[at+4:]); part > 0 && part < math.MaxUint16 {
		return fmt.Errorf("the zip is the last of %d parts: join them (zip -s 0 SET.zip --out WHOLE.zip), or "+
			"unpack them", part+1)
	}
	return nil
}

// openZip reads the directory of a zip. An image is known again by its CRC-32 and its size.
func openZip(path string, info fs.FileInfo) (source, lister, error) {
	f, err := store.Reopen(path, info)
	if err != nil {
		return nil, nil, err
	}
	members, dirs, err := scanZip(f, info.Size())
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return zipFile{f, members}, dirs, nil
}

// Methods of compression, by their numbers (APPNOTE.TXT 6.3.10, section 4.4.5).
const (
	bzipped   = 12
	encrypted = 99
)

var methods = map[uint16]string{1: "Shrink", 6: "Implode", 9: "Deflate64", 14: "LZMA", 20: "zstd", 93: "zstd",
	94: "MP3", 95: "XZ", 96: "JPEG",
	97: "WavPack", 98: "PPMd"}

func methodName(method uint16) string {
	if name, ok := methods[method]; ok {
		return name
	}
	return fmt.Sprintf("method %d", method)
}

// slashes makes slashes of the backslashes with which PowerShell's Compress-Archive and some libraries part folders,
// if no member has a slash. What memberPath refuses it refuses afterwards.
func slashes(members []*zip.File) {
	for _, m := range members {
		if strings.Contains(m.Name, "/") {
			return
		}
	}
	for _, m := range members {
		m.Name = strings.ReplaceAll(m.Name, `\`, "/")
	}
}

func scanZip(r io.ReaderAt, size int64) ([]*zip.File, tree, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, zipWords(err)
	}
	if err := onePart(r, size); err != nil {
		return nil, nil, err
	}
	z.RegisterDecompressor(bzipped, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	slashes(z.File)
	dirs := tree{".": {}}
	for i, m := range z.File {
		name, err := memberPath(m.Name)
		switch {
		case err != nil:
			return nil, nil, err
		case name == "":
		case strings.HasSuffix(m.Name, "/"):
			dirs.folder(name)
		case !isImage(name) && !m.Mode().IsRegular():
			dirs.folder(path.Dir(name)).other(passedLinks, path.Base(name))
		case !isImage(name):
			dirs.other(name, file{size: int64(min(m.UncompressedSize64, math.MaxInt64)), at: int64(i)})
		case !m.Mode().IsRegular():
			return nil, nil, fmt.Errorf("member %q is a link, want a file", name)
		case m.Flags&1 != 0 || m.Method == encrypted:
			return nil, nil, fmt.Errorf("member %q is encrypted: unpack the zip, or pack it anew without a password",
				name)
		case m.Method != zip.Store && m.Method != zip.Deflate && m.Method != bzipped:
			return nil, nil, fmt.Errorf("member %q is compressed with %s, which is not read: unpack the zip, or pack "+
				"it anew with Deflate",
				name, methodName(m.Method))
		default:
			size := int64(min(m.UncompressedSize64, math.MaxInt64))
			dirs.add(name, file{size: size, id: fmt.Sprintf("%08x", m.CRC32), at: int64(i)})
		}
	}
	return z.File, dirs, nil
}
