// Package foreign knows what lies in the place of a file that a download or a checkout did not bring: a pointer, or a
// page of words.
package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// HeadSize is how many bytes of a file's beginning Describe looks at, at most.
const HeadSize = 1024

// Largest sizes of the files in question: larger ones are what their names say.
const (
	maxPointer = 1024    // the specification of Git LFS: less than that
	maxPage    = 1 << 20 // of an error in JSON or words
)

var (
	lfsSize = regexp.MustCompile(`(?m)^size (\d+)\r?$`)
	annex   = regexp.MustCompile(`^(\.\./|\.git/|/)*(annex/objects/|\.git/annex/)[^\n]+\n?$`)
	blob    = regexp.MustCompile(`^(\.\./)+blobs/[0-9a-f]{40,64}\n?$`)
	html    = regexp.MustCompile(`(?i)^(<!--.*?-->\s*)*(<\?xml[^>]*>\s*)?(<!doctype html|<html|<head|<body|<script)`)
	xml     = regexp.MustCompile(`(?i)^(<\?xml[^>]*>\s*)?<Error>`)
	missing = regexp.MustCompile(`(?i)^(404|403|401|5\d\d)?[ :.\-]*(file |entry |page |repository )?(not ` +
		`found|access denied|forbidden|unauthorized|invalid username or password|too many requests)`)
)

// Describe says what a file is, by its first bytes and its size, if it is a pointer of Git LFS or git-annex, or a page
// that a server sends in place of a file; else "". The words stand behind "it is".
func Describe(head []byte, size int64) string {
	text := strings.TrimLeft(strings.TrimPrefix(string(head[:min(len(head), HeadSize)]), "\ufeff"), " \t\r\n")
	switch {
	case text == "":
		return ""
	case strings.HasPrefix(text, "version https://git-lfs.github.com/spec/") ||
		strings.HasPrefix(text, "version https://hawser.github.com/spec/"):
		return pointer(text, size)
	case size <= maxPointer && annex.MatchString(text):
		return "a pointer of git-annex, whose content was not fetched (git annex get)"
	case size <= maxPointer && blob.MatchString(text):
		return "the text of a link of a download folder, whose target was not copied"
	case html.MatchString(text):
		return "a page of HTML, which a server sent in place of the file: download it again, logged in if it asks " +
			"for that"
	case size > maxPage:
		return ""
	case xml.MatchString(text):
		return "an error message of a server in XML, in place of the file: download it again"
	case missing.MatchString(text) && utf8.ValidString(text):
		return fmt.Sprintf("the words %.40q of a server, in place of the file: download it again", firstLine(text))
	}
	return jsonError(text, size)
}

// pointer describes a pointer of Git LFS.
func pointer(text string, size int64) string {
	if size > maxPointer {
		return ""
	}
	of := "a file"
	if m := lfsSize.FindStringSubmatch(text); m != nil {
		if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			of = fmt.Sprintf("a file of %d bytes", n)
		}
	}
	return "a pointer of Git LFS to " + of + ", whose content was not fetched (git lfs pull)"
}

// jsonError describes an object with a field "error" or the like as its first, which is short.
func jsonError(text string, size int64) string {
	if text[0] != '{' || size > HeadSize {
		return ""
	}
	var page map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&page) != nil {
		return ""
	}
	for _, key := range []string{"error", "errors", "message", "detail", "Error", "Message"} {
		if said, ok := page[key]; ok && len(page) <= 6 {
			return fmt.Sprintf("an error message of a server in JSON (%s), in place of the file: download it again",
				words(said))
		}
	}
	return ""
}

// words is a value as the page has it, in quotes.
func words(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return fmt.Sprintf("%.60q", text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
