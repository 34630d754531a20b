package weights_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

// TestUnknownFiles: what is mistaken for weights is named, whatever its ending, and never by the arithmetic of a
// header that it does not have.
func TestUnknownFiles(t *testing.T) {
	zipped := func(names ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			if _, err := z.Create(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, content, want string }{
		{"nothing", "", "it is empty"},
		{"one byte", "\x80", "1 bytes, too few"},
		{"three bytes", "\x01\x02\x03", "3 bytes, too few"},
		{"three letters", "abc", `text that begins with "abc"`},
		{"seven bytes", "\x20\x00\x00\x00\x00\x00\x00", "7 bytes, too few"},
		{"a length alone", "\x20\x00\x00\x00\x00\x00\x00\x00", "it begins with the bytes 20 00"},
		{"a length and a brace", "\x20\x00\x00\x00\x00\x00\x00\x00{",
			"its header should have 32 bytes, the file has 1"},
		{"zeros", strings.Repeat("\x00", 20), "20 bytes, all zero: a download that was not finished"},
		{"many zeros", strings.Repeat("\x00", 5000), "5000 bytes, the first 512 of them zero"},
		{"two bytes of a zip", "PK", "text that begins with"},
		{"a zip's beginning", "PK\x03\x04", "a zip without its end"},
		{"half a zip", zipped("x/data.pkl", "x/version")[:60], "a zip without its end"},
		{"an empty zip", zipped(), "an empty zip"},
		{"arrays of NumPy", zipped("w.npy", "b.npy"), "a zip of 2 arrays of NumPy"},
		{"weights in a zip", zipped("model.safetensors", "config.json"),
			`but with "model.safetensors", "config.json": unpack it`},
		{"a document", zipped("[Content_Types].xml", "word/document.xml"), "a zip without NAME/data.pkl"},
		{"TorchScript", zipped("x/data.pkl", "x/code/__torch__.py", "x/constants.pkl"), "a program of TorchScript"},
		{"gzip", packed.String(), "compressed by gzip: unpack it first"},
		{"gzip, cut", packed.String()[:5], "compressed by gzip"},
		{"a tar", strings.Repeat("x", 257) + "ustar\x00" + strings.Repeat("\x00", 300), "a tar archive"},
		{"HDF5", "\x89HDF\r\n\x1a\n" + strings.Repeat("\x00", 90), "an HDF5 file"},
		{"an array of NumPy", "\x93NUMPY\x01\x00v\x00{'descr'", "an array of NumPy"},
		{"ONNX", "\x08\x07\x12\x07pytorch\x1a\x051.9", "ONNX"},
		{"text", "epoch,loss\n1,0.5\n", `text that begins with "epoch,loss\n1,0.5"`},
		{"JSON", `{"weight_map": {}}`, "text that begins with"},
		{"a pickle of protocol 0", "(dp0\nVw\np1\n", "a pickle, but not one of torch.save's"},
		{"a name in protocol 0", "ccollections\nOrderedDict\np0\n", "a pickle, but not one of torch.save's"},
		{"a pickle of protocol 1", "}q\x00X\x01\x00\x00\x00wq\x01K\x01s.", "a pickle, but not one of torch.save's"},
		{"a pickle of protocol 4", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00}.",
			"a pickle, but not one of torch.save's"},
		{"a protocol to come", "\x80\x07}" + strings.Repeat(".", 20), "it begins with the bytes 80 07"},
		{"other bytes", "\xfe\xed\xfa\xce\x01\x02\x03\x04\x05\x06\x07\x08", "it begins with the bytes fe ed fa ce"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openBytes([]byte(c.content))
			wantFormat(t, err, c.want)
		})
	}
}
