package cli

import (
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
)

// Examples begins the part of a text with the examples of a command.
const Examples = "Examples:\n"

// Texts gives a command, and all below it, the texts of their help from files: what NAME.txt says before its examples
// is the long text, if the command has none of its own. The file of "mgd3 cluster slurm" is cluster-slurm.txt, that of
// "mgd3" is mgd3.txt.
func Texts(cmd *cobra.Command, files fs.FS) {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	if path == "" {
		path = cmd.Name()
	}
	if data, err := fs.ReadFile(files, strings.ReplaceAll(path, " ", "-")+".txt"); err == nil {
		long, example := string(data), ""
		if at := strings.Index("\n"+long, "\n"+Examples); at >= 0 {
			long, example = long[:at], long[at+len(Examples):]
		}
		cmd.Example = strings.TrimRight(example, "\n")
		if long = strings.TrimRight(long, "\n"); long != "" {
			cmd.Long = long
		}
	}
	for _, sub := range cmd.Commands() {
		Texts(sub, files)
	}
}
