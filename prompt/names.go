package prompt

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"regexp"
	"strings"
	"sync"
)

// wordNet has the words of the synsets that ImageNet has images of; names/LICENSE has its licence.
//
//go:embed names/wordnet.txt.gz
var wordNet []byte

// synsets returns the line of words of each number.
var synsets = sync.OnceValue(func() map[string]string {
	unpacked, err := gzip.NewReader(bytes.NewReader(wordNet))
	if err != nil {
		panic(err) // it is part of the program, and TestSynsets reads it
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		panic(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		number, names, _ := strings.Cut(strings.TrimSpace(line), "\t")
		all[number] = names
	}
	return all
})

// Naming is what the folder of a class says of it.
type Naming struct {
	Name  string // "tench"
	Names string // "tench, Tinca tinca"; Name where there are no others
	Known bool   // false of a number that WordNet does not have
}

var (
	numberAlone = regexp.MustCompile(`^n\d{8}$`)
	numbered    = regexp.MustCompile(`^(?:n\d{8}[-_. ]+|\d+\.\s*)(\pL.*)$`)
)

// Of returns the names of the class whose images lie in a folder of that name; see the package comment.
func Of(class string) Naming {
	if numberAlone.MatchString(class) {
		names, ok := synsets()[class]
		if !ok {
			return Naming{class, class, false}
		}
		name, _, _ := strings.Cut(names, ",")
		return Naming{name, names, true}
	}
	name := class
	if m := numbered.FindStringSubmatch(class); m != nil {
		name = m[1]
	}
	name = strings.Join(strings.Fields(strings.ReplaceAll(name, "_", " ")), " ")
	if name == "" {
		name = class
	}
	return Naming{name, name, true}
}
