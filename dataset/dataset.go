// Package dataset reads labelled images, crops them, and writes images; it knows no networks.
//
//	folder, archive, … ──Open──▶ Refs ──Load──▶ RGB ──CropADM──▶ RGB ──ToTensor──▶ tensor
//	                      PNG file ◀──WritePNG── RGB ◀──FromTensor── tensor
//
// Pixels are those of PIL, on which the reference programs stand: Image.convert("RGB") drops
// alpha, and Image.resize filters first the rows and then the columns, each pass rounded to
// bytes. A filter f of support s that makes n pixels out of m gives
//
//	p[i] = ⌊ ½ + 2⁻²²·Σ k[i,j]·q[j] ⌋,  clamped to 0..255            Pillow 9.4, Resample.c
//	k[i,j] = round( 2²²·w[i,j] / Σ w[i,·] )
//	w[i,j] = f( (j + ½ − c)/r ),  |j + ½ − c| < s·r,  c = (i + ½)·m/n,  r = max(1, m/n)
//
// [CropADM] is the crop of ADM (Dhariwal & Nichol 2021, arXiv:2105.05233) and DiT,
// [CropCenter] that of torchvision. JPEG files come within a few levels of libjpeg: see
// jpeg.go. TestPreprocess pins all of this against PIL's bytes.
//
//	name    shape      meaning and scale
//	RGB     [H, W, 3]  bytes, 0..255, row by row from the upper left
//	tensor  [3, H, W]  float32, (x/255 − ½)/½ in [-1, 1]
package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"syscall"

	"mgd3/store"
)

var (
	// ErrSet says that the images, their folders or the class list cannot be used.
	ErrSet = errors.New("not a usable image set")
	// ErrPassedOver says that something was passed over in a set that was opened strictly, or that one of its images
	// has a note.
	ErrPassedOver = errors.New("strict")
	// ErrLeaves says that a link leads out of a set's folder, where that is not permitted.
	ErrLeaves = errors.New("leads out of the folder")
	// ErrOneKind says that labels were asked for by name in a set that has one kind only.
	ErrOneKind = errors.New("has one kind of labels only")
	// ErrList says that a list of classes cannot be read.
	ErrList = errors.New("not a usable list of classes")
	// ErrLabels says that a set has several kinds of labels, of which one must be asked for.
	ErrLabels = errors.New("has the labels")
	// ErrNumbered says that classes are named by numbers where names are wanted.
	ErrNumbered = errors.New("the classes are named by numbers")
	// ErrImage says that one image cannot be read; the others may still be.
	ErrImage = errors.New("not a readable image")
	// ErrUnread says that the file of an image was not to be had: it is gone, or another than when the set was opened,
	// or may not be read. It says nothing about the image, and so is no [ErrImage].
	ErrUnread = errors.New("its file cannot be read")
)

// maxFile is the size up to which the file of an image is read, in bytes.
const maxFile = 256 << 20

// Set is the labelled images that one path names, open for reading. It may be used from
// several goroutines; Close must come after all of them.
type Set struct {
	Classes    []Class
	PassedOver []PassedOver // what was not taken, or guessed, a line for each kind

	path string // as opened, for messages
	base string // the folder in it that holds those of the classes
	src  source

	known    bool              // one of the known sets, with lists
	folderOf map[string]string // of classes that have another name than their folder

	strict bool        // a note on an image is an error
	notes  *ImageNotes // shared by copies of the set; nil keeps none
}

// Class is the images of one class.
type Class struct {
	Name   string // of the folder, or of the label
	Images []Ref  // in byte order of their names
}

// Ref names one image of a set.
type Ref struct {
	Class string
	Name  string // of the file, without folders
	Size  int64  // of the file, in bytes; 0 where only reading tells
	ID    string // changes when the file does: its CRC-32 in a zip, else its time, as far as the source knows

	in int   // which of the source's files holds it
	at int64 // where in there: the index in a zip, the offset in a tar, the row in a table
}

// String is the image's class and name, in quotes.
func (r Ref) String() string { return strconv.Quote(r.Class + "/" + r.Name) }

// source is a place of image files.
type source interface {
	// read returns the file of ref, which lies at path in the source.
	read(path string, ref Ref) ([]byte, error)
	Close() error
}

// Close ends the use of the set.
func (s *Set) Close() error { return s.src.Close() }

// ImageNotes returns the notes on the images that [Set.Load] has read so far, also after Close: a line for each kind.
func (s *Set) ImageNotes() []ImageNote { return s.notes.List() }

// Len returns the number of images of all classes.
func (s *Set) Len() (n int) {
	for _, class := range s.Classes {
		n += len(class.Images)
	}
	return n
}

// ClassNames returns the names of the classes, in order.
func (s *Set) ClassNames() []string {
	names := make([]string, len(s.Classes))
	for i, c := range s.Classes {
		names[i] = c.Name
	}
	return names
}

// Read returns the file of an image. Images that have none come as a Netpbm file. A file over 256 MiB is an [ErrImage];
// one that is gone, or has changed since the set was opened, an [ErrUnread]; where the store or the file system failed,
// the error is neither.
func (s *Set) Read(ref Ref) ([]byte, error) {
	data, err := s.src.read(s.pathOf(ref), ref)
	if err != nil {
		return nil, s.badImage(ref, err)
	}
	return data, nil
}

// readFile returns the content of a file that has size bytes.
func readFile(size int64, open func() (io.ReadCloser, error)) ([]byte, error) {
	if size > maxFile {
		return nil, fmt.Errorf("has %d bytes, want at most %d", size, maxFile)
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var data bytes.Buffer
	const trusted = 1 << 20 // bytes to make room for before any has come: a zip may lie
	data.Grow(int(min(size, trusted)) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(r, size+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) != size {
		return nil, fmt.Errorf("it %w: it had %d bytes", errChanged, size)
	}
	return data.Bytes(), nil
}

// pathOf returns the slash-separated path of an image within the source.
func (s *Set) pathOf(ref Ref) string {
	return path.Join(s.base, s.folder(ref.Class), ref.Name)
}

// errChanged says that a file is another than when the set was opened.
var errChanged = errors.New("has changed since the set was opened")

// badImage names the image that an error is of, which is an [ErrImage] only where it says what the image's file holds.
func (s *Set) badImage(ref Ref, err error) error {
	switch {
	case store.Failed(err), errors.Is(err, ErrUnread), errors.Is(err, ErrPassedOver):
		return fmt.Errorf("%s: %s: %w", s.path, s.pathOf(ref), err)
	case unread(err) && !(ref.ID == "" && errors.Is(err, errLink)): // a link that never led anywhere is a bad image
		return fmt.Errorf("%s: %s: %w: %w", s.path, s.pathOf(ref), ErrUnread, err)
	}
	return fmt.Errorf("%s: %s: %w: %w", s.path, s.pathOf(ref), ErrImage, err)
}

// unread reports whether an error says nothing about what a file holds.
func unread(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLink) ||
		errors.Is(err, ErrLeaves) || errors.Is(err, errChanged) || errors.Is(err, store.ErrChanged)
}
