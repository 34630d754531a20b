package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// beginnings are what files begin with that are mistaken for weights, and what to say of them.
var beginnings = []struct{ bytes, what string }{
	{"\x1f\x8b", "a file compressed by gzip: unpack it first (gunzip)"},
	{"BZh", "a file compressed by bzip2: unpack it first (bunzip2)"},
	{"\xfd7zXZ", "a file compressed by xz: unpack it first (unxz)"},
	{"\x28\xb5\x2f\xfd", "a file compressed by Zstandard: unpack it first (unzstd)"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{"Rar!", "a RAR archive: unpack it first"},
	{"\x89HDF", "an HDF5 file, as of Keras or TensorFlow"},
	{"\x93NUMPY", "an array of NumPy (.npy)"},
	{"GGUF", "a GGUF file, of llama.cpp"},
	{"\x89PNG", "an image (PNG)"},
	{"\xff\xd8\xff", "an image (JPEG)"},
	{"PAR1", "a Parquet file"},
	{"%PDF", "a PDF"},
	{"\x7fELF", "a program (ELF)"},
	{"MZ\x90", "a program of Windows"},
}

// beginning is what the files that are read begin with.
const beginning = "want a safetensors file, which begins with eight bytes of length and a JSON object, or one of " +
	"torch.save, a zip or a pickle"

// headSize is how many bytes of a file unknown looks at.
const headSize = 512

// unknown says what a file is that does not look like weights; nil if that is not known.
func unknown(data []byte) error {
	what := ""
	for _, b := range beginnings {
		if bytes.HasPrefix(data, []byte(b.bytes)) {
			what = b.what
		}
	}
	const tarMagic = 257
	head := data[:min(len(data), headSize)]
	switch {
	case len(data) == 0:
		return fmt.Errorf("it is empty; %s", beginning)
	case what != "":
	case len(head) > tarMagic && bytes.HasPrefix(head[tarMagic:], []byte("ustar")):
		what = "a tar archive: unpack it first"
	case bytes.Contains(head[:min(len(head), 8)], []byte("TFL3")):
		what = "a model of TensorFlow Lite"
	case head[0] == 8 && (bytes.Contains(head, []byte("pytorch")) || bytes.Contains(head, []byte("onnx"))):
		what = "a model in ONNX"
	case oldPickle.Match(head):
		return errors.New("a pickle, but not one of torch.save's")
	case len(bytes.Trim(head, "\x00")) == 0:
		zeros := "all zero"
		if len(data) > len(head) {
			zeros = fmt.Sprintf("the first %d of them zero", len(head))
		}
		what = fmt.Sprintf("%d bytes, %s: a download that was not finished, perhaps", len(data), zeros)
	case isText(head):
		what = fmt.Sprintf("text that begins with %q",
			strings.TrimSpace(string([]rune(string(head))[:min(30, utf8.RuneCount(head))])))
	default:
		return nil
	}
	return fmt.Errorf("it is %s; %s", what, beginning)
}

// oldPickle matches the beginnings of Python's pickles of the protocols 0 and 1, of which there is no mark: of a
// dict, a list, or a name.
var oldPickle = regexp.MustCompile(`^(\([dl]p?\d+\n|\([dl]\.|[}\]]q|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n)`)

// isText reports whether a file begins as text does.
func isText(head []byte) bool {
	whole := len(head) < headSize
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && !whole && len(head) < utf8.UTFMax {
			return true // a letter that is cut
		}
		if r == utf8.RuneError && n == 1 || r == 0 || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		head = head[n:]
	}
	return true
}

// unknownZip says what a zip is that torch.save has not written; nil if it may have.
func unknownZip(archive *zip.Reader) error {
	const want = "without NAME/data.pkl, which torch.save writes"
	var names []string
	arrays, script := 0, false
	for _, f := range archive.File {
		if _, name, _ := strings.Cut(f.Name, "/"); name == "data.pkl" || strings.HasPrefix(name, "data/") {
			if !hasScript(archive) {
				return nil
			}
			script = true
		}
		if path.Ext(f.Name) == ".npy" {
			arrays++
		}
		names = append(names, f.Name)
	}
	switch {
	case len(names) == 0:
		return fmt.Errorf("it is an empty zip, %s", want)
	case script:
		return fmt.Errorf("it is a program of TorchScript (torch.jit.save), which is not run: torch.save its " +
			"state_dict")
	case arrays == len(names):
		return fmt.Errorf("it is a zip of %d arrays of NumPy (.npz): torch.save({name: torch.from_numpy(array), "+
			"...}) writes what is read", arrays)
	}
	return fmt.Errorf("it is a zip %s, but with %s: unpack it if weights are in it", want, some(names))
}

// hasScript reports whether a zip has TorchScript's program in it.
func hasScript(archive *zip.Reader) bool {
	for _, f := range archive.File {
		if _, name, _ := strings.Cut(f.Name, "/"); strings.HasPrefix(name, "code/") && strings.HasSuffix(name, ".py") {
			return true
		}
	}
	return false
}
