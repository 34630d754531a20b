package export

import (
	"archive/zip"
	"context"
	"hash/crc32"
	"io"

	"mgd3/internal/atomicfile"
)

// zip writes the files of the folder into one archive, the manifest first. PNG does not get smaller by being compressed again, so
// members are stored; their sizes stand before them, so that the archive can be read as a stream.
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

func addMember(z *zip.Writer, name string, data []byte) error {
	h := &zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	}
	h.SetMode(0o644)
	w, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
