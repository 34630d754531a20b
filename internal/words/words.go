// Package words puts lists into the sentences that users read.
package words

import (
	"fmt"
	"strings"
)

// Or lists the values that a setting may have: "a, b or c".
func Or[S ~string](values []S) string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// Quoted lists the first names, each in quotes; … stands for those beyond five.
func Quoted(names []string) string {
	const few = 5
	var list []string
	for _, name := range names[:min(few, len(names))] {
		list = append(list, fmt.Sprintf("%q", name))
	}
	if len(names) > few {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}
