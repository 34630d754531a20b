package dataset

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxClassName bounds the name of a class, in bytes: file systems end at 255, and endings are put behind it.
const maxClassName = 200

// checkName tells whether a file's name comes back whole from what is written of it: from the JSON of a manifest, where
// bytes that are not UTF-8 are lost, and from lists of one name a line. Blanks may be anywhere in it: nothing is named
// after a real image.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %.200q is not UTF-8, and would not come back from a manifest: rename it", name)
	case strings.ContainsFunc(name, unprintable):
		return fmt.Errorf("the name %.200q has characters that cannot be printed: rename it", name)
	}
	return nil
}

// unprintable are control characters, the terminal's escape among them, and the characters that end a line.
func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// CheckClassName tells whether a name can be that of a class. The rule is stricter than [checkName]'s: folders and
// tars are named after classes, and lists of classes are read line by line, without the blanks at the ends and
// without a mark of the byte order. Names that Windows keeps for itself, "aux" say, are left to those who go there.
func CheckClassName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	why := ""
	switch {
	case name == "":
		return fmt.Errorf(`class name "": want at least one character`)
	case len(name) > maxClassName:
		why = fmt.Sprintf("has %d bytes, want at most %d", len(name), maxClassName)
	case name == "." || name == "..":
		why = "cannot be that of a folder"
	case strings.ContainsAny(name, `/\`):
		why = "cannot be that of a folder: it has a slash"
	case ignored(name):
		why = "cannot be that of a folder, since folders of such names are ignored"
	case strings.TrimSpace(name) != name:
		why = "begins or ends with a blank, which a list of classes does not keep"
	case strings.ContainsRune(name, '\ufeff'):
		why = "has a mark of the byte order in it (U+FEFF)"
	}
	if why != "" {
		return fmt.Errorf("class name %.60q %s", name, why)
	}
	return nil
}

// CheckClassNames tells whether classes of these names can lie in one folder of any file system: some take capitals and
// small letters for the same, and some the ways in which Unicode writes a letter with an accent.
func CheckClassNames(names []string) error {
	known := map[string]string{}
	for _, name := range names {
		if err := CheckClassName(name); err != nil {
			return err
		}
		key := FoldName(name)
		if other, ok := known[key]; ok && other != name {
			return fmt.Errorf("the classes %+q and %+q differ only in capitals or in how letters are written: "+
				"they are one folder on other file systems; rename one, or take one by --classes", other, name)
		} else if ok {
			return fmt.Errorf("the class %q is asked for twice", name)
		}
		known[key] = name
	}
	return nil
}

// FoldName is the same for names that differ only in capitals, or in how Unicode writes a letter with an accent: what
// some file systems take for one name.
func FoldName(name string) string { return strings.ToLower(strings.ToUpper(norm.NFC.String(name))) }

// systemNames are those of files and folders that systems and disk stations make by themselves, in lower case.
var systemNames = []string{
	"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", // macOS, Windows
	"lost+found",                                                                     // Linux
	"system volume information", "$recycle.bin", "recycler", "recycled", "found.000", // Windows
	"@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "@sharesnap", // Synology, QNAP
	"network trash folder", "temporary items", // Apple's file servers
}

// ignored tells whether a file or folder of this name is ignored by design: it is hidden, or made by a system.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(systemNames, strings.ToLower(name)) ||
		strings.HasSuffix(name, "@SynoEAStream") || strings.HasSuffix(name, "@SynoResource")
}
