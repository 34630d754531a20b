package page

import "strings"

// Command is the command that makes the page, with the folder of the latents or "".
func (f From) Command(latents string) string {
	words := append([]string{"mgd3", "page"}, f.Sets...)
	for _, flag := range [][2]string{{"--data", f.Data.Path}, {"--split", f.Data.Split},
		{"--test", f.Test.Path}, {"--test-split", f.Test.Split}, {"--latents", latents}} {
		if flag[1] != "" {
			words = append(words, flag[0], flag[1])
		}
	}
	return strings.Join(words, " ")
}
