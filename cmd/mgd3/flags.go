package main

import "strings"

// join lists values with commas.
func join[S ~string](values []S) string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return strings.Join(list, ", ")
}
