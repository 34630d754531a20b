package export

import (
	"archive/zip"
	"context"
	"hash/crc32"
	"io"
	"strings"
	"unicode"

	"mgd3/stage/atomicfile"
)

// zip writes the files of the folder into one archive, the manifest first. PNG does not get smaller by being
// compressed again, so members are stored; their sizes stand before them, so that the archive can be read as a
// stream.
func (s *set) zip(ctx context.Context, out string, _ Options) error {
	return atomicfile.Write(out, func(w io.Writer) error {
		z := zip.NewWriter(w)
		if err := addMember(z, manifestName, s.manifest); err != nil {
			return err
		}
		for p, err := range s.images(ctx) {
			if err != nil {
				return err
			}
			if err := addMember(z, p.file, p.data); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// What CreateRaw leaves to its caller, in the terms of the format (APPNOTE 4.4).
const (
	// 1980-01-01: years since 1980, months and days from 1; all zeros is no date, and readers stop at it
	firstDate = 0<<9 | 1<<5 | 1
	version20 = 20    // needed to read: folders in names
	utf8Names = 0x800 // without this flag a name that is not ASCII is read as IBM's code page 437
)

// addMember adds a file of the first date there is: archives of equal sets are equal.
func addMember(z *zip.Writer, name string, data []byte) error {
	h := &zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
		// CreateRaw writes sizes and sum as they are given, in the header before the data
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	}
	h.SetMode(0o644)
	//lint:ignore SA1019 Modified would add a second date as an extra field, and CreateRaw does not read it
	h.ModifiedDate = firstDate
	h.CreatorVersion, h.ReaderVersion = h.CreatorVersion|version20, version20
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		h.Flags |= utf8Names
	}
	w, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
