package page

import "mgd3/report"

// Command is the command that makes the page, with the folder of the latents or "", and those of results.
func (f From) Command(latents string, results []string) string {
	flags := map[string][]string{"results": results}
	for _, flag := range [][2]string{{"data", f.Data.Path}, {"split", f.Data.Split},
		{"test", f.Test.Path}, {"test-split", f.Test.Split}, {"latents", latents}} {
		if flag[1] != "" {
			flags[flag[0]] = []string{flag[1]}
		}
	}
	return report.Command(append([]string{"mgd3", "page"}, f.Sets...), flags)
}
