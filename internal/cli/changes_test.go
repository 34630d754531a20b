package cli

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

func TestChanges(t *testing.T) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	given := Changes(f, []string{"epochs", "rate", "flip"}, ", and its name")
	if got := given(); len(got) > 0 {
		t.Errorf("got %q where nothing was given, want nothing", got)
	}
	if err := f.Parse([]string{"--flip=", "--epochs", "3", "--epochs=4"}); err != nil {
		t.Fatal(err)
	}
	if got, want := given(), []string{"epochs=4", "flip="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.Lookup("rate").Usage, "change the protocol's rate, and its name"; got != want {
		t.Errorf("help is %q, want %q", got, want)
	}
}
