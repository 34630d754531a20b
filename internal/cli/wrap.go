package cli

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Text of --help in lines of a given width. A column is a character: none of ours is wider. A word that is longer
// than a line stays whole.

// hang breaks text that follows head at its spaces; the lines after the first begin with so many spaces.
func hang(head, text string, indent, width int) string {
	if utf8.RuneCountInString(head+text) <= width {
		return head + text
	}
	return fill(head, strings.Fields(text), "\n"+strings.Repeat(" ", indent), width)
}

// fill puts words behind head, with separator where one would go beyond the width.
func fill(head string, words []string, separator string, width int) string {
	// separator is "\n" and the indent, behind " \" in a command of a shell
	last := separator[strings.LastIndex(separator, "\n")+1:] // what the next line begins with
	// a line that is broken also has the separator's end, as " \" is
	room := width - (strings.LastIndex(separator, "\n"))
	var b strings.Builder
	b.WriteString(head)
	column, fresh := utf8.RuneCountInString(head), true
	for _, word := range words {
		n := utf8.RuneCountInString(word)
		switch {
		case fresh:
		case column+1+n > room:
			b.WriteString(separator)
			column = len(last)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, fresh = column+n, false
	}
	return b.String()
}

var gap = regexp.MustCompile(`\S {2,}`)

// reflow fills paragraphs anew. Lines that begin with a space are rows of a table: each stays a line, and what is too
// long goes on under its last column.
func reflow(text string, width int) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, fill("", strings.Fields(strings.Join(paragraph, " ")), "\n", width))
			paragraph = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
			end()
			out = append(out, "")
		case line[0] == ' ' || line[0] == '\t':
			end()
			head := len(line) - len(strings.TrimLeft(line, " \t"))
			indent := head + 2
			if at := gap.FindStringIndex(line); at != nil && at[1] < width/2 {
				head, indent = at[1], at[1]
			}
			out = append(out, hang(line[:head], line[head:], indent, width))
		default:
			paragraph = append(paragraph, line)
		}
	}
	end()
	return strings.Join(out, "\n")
}

// reflowShell breaks commands as a shell reads them: between a flag and the next, with a backslash at the end of the
// line. A comment behind a command that is too long goes before it.
func reflowShell(text string, width int) string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(text, " \\\n", " ")) {
		line = strings.TrimRight(line, "\n")
		if utf8.RuneCountInString(line) <= width {
			out = append(out, line)
			continue
		}
		command, comment, _ := strings.Cut(line, "# ")
		if comment != "" {
			out = append(out, fill("  # ", strings.Fields(comment), "\n  # ", width))
		}
		if strings.TrimSpace(command) != "" {
			out = append(out, fill("  ", shellWords(command), " \\\n    ", width))
		}
	}
	return strings.Join(out, "\n")
}

var shellWord = regexp.MustCompile(`(?:"[^"]*"|'[^']*'|\$\([^)]*\)|\S)+`)

// shellWords returns the words of a command, a flag and its value as one.
func shellWords(command string) []string {
	var words []string
	for _, word := range shellWord.FindAllString(command, -1) {
		if n := len(words); n > 0 && !strings.HasPrefix(word, "-") &&
			regexp.MustCompile(`^--?[\w-]+$`).MatchString(words[n-1]) {
			words[n-1] += " " + word
			continue
		}
		words = append(words, word)
	}
	return words
}
