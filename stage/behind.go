package stage

import (
	"cmp"
	"context"
	"errors"
)

// EndOf is the error of work that had more done behind it: that which stopped the other, or both.
func EndOf(err, behind error) error {
	switch {
	case behind == nil || errors.Is(behind, context.Canceled):
		return cmp.Or(err, behind)
	case err == nil || errors.Is(err, context.Canceled):
		return behind
	}
	return errors.Join(behind, err)
}
