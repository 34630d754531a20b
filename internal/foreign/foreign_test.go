package foreign

import (
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	const lfs = "version https://git-lfs.github.com/spec/v1\noid " +
		"sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
	for _, c := range []struct{ name, head, want string }{
		{"Git LFS", lfs, "a pointer of Git LFS to a file of 12345 bytes, whose content was not fetched (git lfs pull)"},
		{"Git LFS of Windows", strings.ReplaceAll(lfs, "\n", "\r\n"), "a file of 12345 bytes"},
		{"Git LFS with a mark", "\ufeff" + lfs, "a file of 12345 bytes"},
		{"Git LFS, older", strings.Replace(lfs, "git-lfs", "hawser", 1), "a file of 12345 bytes"},
		{"Git LFS, cut short", lfs[:60], "a pointer of Git LFS to a file,"},
		{"git-annex", "/annex/objects/SHA256E-s31390--f50d7ac4.pt\n", "git annex get"},
		{"git-annex, a link", "../.git/annex/objects/XX/YY/SHA256E-s1--0.pt", "git annex get"},
		{"a link of the hub's cache", "../../blobs/" + strings.Repeat("0a", 20), "the text of a link"},
		{"HTML", "<!DOCTYPE html>\n<html><head>", "a page of HTML"},
		{"HTML after blanks", "\n\n  <html lang=\"en\">", "a page of HTML"},
		{"HTML after a comment", "<!-- saved from --> <HTML>", "a page of HTML"},
		{"XHTML", `<?xml version="1.0"?><!DOCTYPE html PUBLIC`, "a page of HTML"},
		{"S3", `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>AccessDenied</Code>", "in XML"},
		{"JSON", `{"error":"Repository not found"}`, `in JSON ("Repository not found")`},
		{"JSON of a proxy", `{"message": "Not Found", "documentation_url": "x"}`, "in JSON"},
		{"words", "Entry not found", `the words "Entry not found"`},
		{"words of GitHub", "404: Not Found", `the words "404: Not Found"`},
		{"words of the hub", "Invalid username or password.", "the words"},

		{"empty", "", ""},
		{"blank", " \n", ""},
		{"an image", "\xff\xd8\xff\xe0\x00\x10JFIF", ""},
		{"a zip", "PK\x03\x04", ""},
		{"a configuration", `{"input_size": 32, "error": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}`, ""},
		{"a list of classes", "n01440764\nn02102040\n", ""},
		{"a header of safetensors", "\x10\x00\x00\x00\x00\x00\x00\x00{\"error\":{}}    ", ""},
	} {
		got := Describe([]byte(c.head), int64(len(c.head)))
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := Describe([]byte(lfs), 1<<30); got != "" {
		t.Errorf("a file of a gigabyte: %q, want none", got)
	}
}

// FuzzDescribe: no head is a crash, and what is said has no bytes that a terminal would take for more than text.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\nsize 9\n"))
	f.Add([]byte(`{"error":"x"}`))
	f.Add([]byte("404 not found\x1b[2J"))
	f.Fuzz(func(t *testing.T, head []byte) {
		said := Describe(head, int64(len(head)))
		if strings.ContainsFunc(said, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Errorf("%q", said)
		}
	})
}
