package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"mgd3/internal/foreign"
	"mgd3/store"
)

// Files in which people have sets and which are not read: told by how they begin, or in a folder by how they end.

const (
	unpackIt  = "unpack it, and give the folder, or the file"
	asFolders = "which is not read: write its images as CLASS/FILE"
	byItself  = "which is read only by itself: give this file"
	asParquet = "which is not read: write it as Parquet (to_parquet of the library datasets does)"
	inPlace   = ", which cannot be read in place: " + unpackIt
)

// beginnings say what a file is, after "it is".
var beginnings = []struct{ magic, what string }{
	{"\x1f\x8b", "compressed with gzip" + inPlace},
	{"BZh", "compressed with bzip2" + inPlace},
	{"\xfd7zXZ", "compressed with xz" + inPlace},
	{"\x28\xb5\x2f\xfd", "compressed with zstd" + inPlace},
	{"\x04\x22\x4d\x18", "compressed with lz4" + inPlace},
	{"\x5d\x00\x00", "compressed with LZMA" + inPlace},
	{"\x1f\x9d", "compressed with compress" + inPlace},
	{"7z\xbc\xaf\x27\x1c", "an archive of 7-Zip" + inPlace},
	{"Rar!\x1a\x07", "an archive of RAR" + inPlace},
	{"MZ", "a program of Windows, perhaps an archive that unpacks itself: " + unpackIt},
	{"#!", "a program of a shell, perhaps an archive that unpacks itself: " + unpackIt},
	{"PARE", "an encrypted Parquet file, which is not read: write it anew without encryption"},
	{"ARROW1", "a table of Arrow, " + asParquet},
	{"FEA1", "a table of Feather, " + asParquet},
	{"\xff\xff\xff\xff", "a table of Arrow, " + asParquet},
	{"\x89HDF\r\n\x1a\n", "a file of HDF5, " + asFolders},
	{"MATLAB ", "a MAT-file, and its path alone says nothing of the set: give the folder in which it lies"},
	{"\x93NUMPY", "an array of NumPy, " + asFolders},
	{"SQLite format 3", "a database of SQLite, " + asFolders},
	{"\x80\x02", pickled}, {"\x80\x03", pickled}, {"\x80\x04", pickled}, {"\x80\x05", pickled},
	{"\x00\x00\x08\x01", idxAlone}, {"\x00\x00\x08\x03", idxAlone},
	{"\xff\xd8\xff", oneImage}, {"\x89PNG", oneImage}, {"GIF8", oneImage}, {"RIFF", oneImage},
}

const (
	pickled  = "a pickle of Python, " + asFolders
	idxAlone = "a file of MNIST's format, which comes as images and labels: give the folder in which they lie"
	oneImage = "one image: give the folder in which those of the classes lie"
)

// endings are those of files that are not read, and what they are.
var endings = []struct{ ends, what string }{
	{".arrow .feather", "a table of Arrow, " + asParquet},
	{".h5 .hdf5 .hdf", "a file of HDF5, " + asFolders},
	{".npz .npy", "an array of NumPy, " + byItself},
	{".pkl .pickle .p", pickled},
	{".mdb .lmdb", "a database of LMDB, " + asFolders},
	{".tfrecord .tfrecords", tfRecord},
	{".beton", "a set of FFCV, " + asFolders},
	{".rec", "a set of MXNet, " + asFolders},
	{".pt .pth", "a file of PyTorch, " + byItself},
	{otherJPEG, "an image with an ending that is not read: name it .jpg"},
	{otherImages, "an image of a format that is not read: convert it to PNG or JPEG"},
}

// otherImages are the endings of images that are not read: pictures of telephones, cameras and programs.
const otherImages = ".avif .heic .heif .hif .jxl .jp2 .j2k .jpx .jpf .tga .psd .ico .icns .dds .pcx .sgi .qoi .exr " +
	".hdr .svg .apng .pfm .pam .cr2 .cr3 .nef .arw .dng .orf .rw2 .raf .dcm"

// otherJPEG are further endings of JPEG files.
const otherJPEG = ".jfif .jfi .jpe .jif"

// kindOfEnding is the kind under which a file is passed over that does not end like an image.
func kindOfEnding(name string) string {
	if endsIn(otherImages+" "+otherJPEG, name) {
		return passedFormat
	}
	return passedEnding
}

const tfRecord = "a TFRecord, " + asFolders

// tfShard is the name that TensorFlow's programs give a TFRecord: train-00000-of-01024.
var tfShard = regexp.MustCompile(`-\d{5}-of-\d{5}$`)

// notPath says of a path that is not there what was perhaps meant.
func notPath(path string, err error) error {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case strings.Contains(path, "://") || strings.HasPrefix(path, "pipe:"):
		return fmt.Errorf(`%w: it looks like an address, want a path; "mgd3 pull" fetches sets of the hub`, err)
	case strings.ContainsAny(path, "*?{"):
		return fmt.Errorf("%w: it looks like a pattern, want the folder of the files", err)
	case strings.Count(path, "/") == 1 && !strings.ContainsAny(path[:1], ".~"):
		if _, errDir := os.Stat(filepath.Dir(path)); errors.Is(errDir, fs.ErrNotExist) {
			return fmt.Errorf(`%w: if it is the name of a set of the hub, "mgd3 pull" fetches it and prints its path`,
				err)
		}
	}
	return err
}

// notSet says what a file is that cannot be a set, "" if that is not known.
func notSet(start []byte, size int64) string {
	if size == 0 {
		return "empty"
	}
	if what := foreign.Describe(start, size); what != "" {
		return "not the set but " + what
	}
	for _, b := range beginnings {
		if bytes.HasPrefix(start, []byte(b.magic)) {
			return b.what
		}
	}
	const lmdbAt, lmdb = 16, "\xde\xc0\xef\xbe"
	if len(start) >= lmdbAt+len(lmdb) && string(start[lmdbAt:lmdbAt+len(lmdb)]) == lmdb {
		return "a database of LMDB, " + asFolders
	}
	// a tar's first name ends in zeros
	if text := start[:min(len(start), 128)]; utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
		return "a text: give the folder or the archive in which the images lie"
	}
	return ""
}

// foreignPart returns what lies in the place of a file of a set that could not be read, if it is empty, a pointer or
// a page; else err.
func foreignPart(path string, err error) error {
	if err == nil {
		return nil
	}
	info, errStat := store.Stat(path)
	start, errRead := beginning(path)
	switch {
	case errStat != nil || errRead != nil:
		return err
	case info.Size() == 0:
		return fmt.Errorf("%q is empty", filepath.Base(path))
	}
	if what := foreign.Describe(start, info.Size()); what != "" {
		return fmt.Errorf("%q is not a part of the set but %s", filepath.Base(path), what)
	}
	return err
}

// packedExt are the endings of archives and compressed files, which are not looked into where they lie in a set.
const packedExt = ".gz .tgz .tbz2 .txz .zip .tar .bz2 .xz .zst .7z .rar .z01 .001"

// unread says of the first file that may hold the images in a way that is not read there what to do; "" if there is
// none.
func (l listing) unread() string {
	for _, f := range l.lists {
		if endsIn(packedExt, f.name) {
			return fmt.Sprintf("; %q may hold the images: unpack it, and what it lies in, to a folder", f.name)
		}
		if tfShard.MatchString(f.name) {
			return fmt.Sprintf("; %q is %s", f.name, tfRecord)
		}
		for _, e := range endings {
			if endsIn(e.ends, f.name) {
				return fmt.Sprintf("; %q is %s", f.name, e.what)
			}
		}
	}
	return ""
}

// endsIn tells whether a file has one of the endings, which stand between blanks.
func endsIn(ends, name string) bool {
	return slices.Contains(strings.Fields(ends), strings.ToLower(path.Ext(name)))
}
