package terminal

import "fmt"

// Size is a number of bytes for people.
func Size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	return fmt.Sprintf("%.3g %s", v, units[u])
}

// Files is a number of files for people.
func Files(n int) string {
	if n > 1 {
		return fmt.Sprintf("%d files", n)
	}
	return "one file"
}
