// Package words puts lists, and errors of files, into the sentences that users read.
package words

import (
	"fmt"
	"strings"
)

// Or lists the values that a setting may have: "a, b or c".
func Or[S ~string](values []S) string {
	last := len(values) - 1
	if last < 1 {
		return List(values)
	}
	return List(values[:last]) + " or " + string(values[last])
}

// List lists values with commas: "a, b, c".
func List[S ~string](values []S) string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return strings.Join(list, ", ")
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
