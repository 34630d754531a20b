package stage

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestEndOf: the error that stopped the other is the one that is told.
func TestEndOf(t *testing.T) {
	disk, device := errors.New("disk"), errors.New("device")
	for _, c := range []struct {
		err, behind error
		want        string
	}{
		{nil, nil, "<nil>"},
		{device, nil, "device"},
		{nil, disk, "disk"},
		{context.Canceled, disk, "disk"},
		{context.Canceled, nil, "context canceled"},
		{context.Canceled, context.Canceled, "context canceled"},
		{device, context.Canceled, "device"},
		{device, disk, "disk\ndevice"},
	} {
		if got := fmt.Sprint(EndOf(c.err, c.behind)); got != c.want {
			t.Errorf("%v and %v: got %q, want %q", c.err, c.behind, got, c.want)
		}
	}
}
