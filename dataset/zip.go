package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// zipFile is a zip archive, read by its central directory.
type zipFile struct {
	*os.File
	members []*zip.File
}

func (z zipFile) read(_ string, ref Ref) ([]byte, error) {
	return readFile(ref.Size, z.members[ref.at].Open)
}

// openZip reads the directory of a zip. An image is known again by its CRC-32 and its size.
func openZip(path string, size int64) (source, lister, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	members, dirs, err := scanZip(f, size)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return zipFile{f, members}, dirs, nil
}

func scanZip(r io.ReaderAt, size int64) ([]*zip.File, tree, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, err
	}
	dirs := tree{".": {}}
	for i, m := range z.File {
		name, err := memberPath(m.Name)
		switch {
		case err != nil:
			return nil, nil, err
		case name == "":
		case strings.HasSuffix(m.Name, "/"):
			dirs.folder(name)
		case !isImage(name):
			dirs.other(name)
		case !m.Mode().IsRegular():
			return nil, nil, fmt.Errorf("member %s is a link, want a file", name)
		case m.Flags&1 != 0:
			return nil, nil, fmt.Errorf("member %s is encrypted", name)
		default:
			size := int64(min(m.UncompressedSize64, math.MaxInt64))
			dirs.add(name, file{size: size, id: fmt.Sprintf("%08x", m.CRC32), at: int64(i)})
		}
	}
	return z.File, dirs, nil
}
