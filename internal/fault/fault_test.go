package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestKindOf(t *testing.T) {
	cause := fmt.Errorf("x: %w", fs.ErrNotExist)
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, 0},
		{cause, 0},
		{Of(Model, nil), 0},
		{Of(Model, cause), Model},
		{fmt.Errorf("y: %w", Of(Input, cause)), Input},
		{Of(Output, fmt.Errorf("y: %w", Of(Input, cause))), Output},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
	if err := Of(Usage, cause); err.Error() != cause.Error() || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want the text and the cause of %v", err, cause)
	}
}
