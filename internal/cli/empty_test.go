package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestEmpty(t *testing.T) {
	cmd := &cobra.Command{}
	f := cmd.Flags()
	f.String("classes", "", "")
	f.String("split", "", "")
	f.String("out", "", "")
	f.String("net", "convnet3", "") // of which nothing is a value of its own
	f.Int("ipc", 0, "")
	if err := f.Parse([]string{"--classes=", "--split", "", "--net=", "--ipc=0", "--out=x"}); err != nil {
		t.Fatal(err)
	}
	if got, want := Empty(cmd), []string{"classes", "split"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
