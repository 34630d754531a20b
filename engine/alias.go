//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"reflect"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/stablehlo"
)

func init() { alias = aliasXLA }

// aliasXLA writes to the graph that an output takes the place of a parameter, as JAX does for what is given away. XLA
// goes by this alone: without it a training has two copies of its state at the end of each step.
//
// go-xla v0.4.1 can write attributes of inputs, but hands them on from no backend: we reach for the input of the graph
// by the name of its field. Where that is another one, nothing is aliased, and TestStateIsAliased fails.
func aliasXLA(parameter *Node, output int) {
	if parameter.Type() != NodeTypeParameter {
		return // a weight that is converted at each use
	}
	node, ok := InternalBackendOutputs(parameter)[0].(*xla.Node)
	if !ok {
		return
	}
	field := reflect.ValueOf(node).Elem().FieldByName("value")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*stablehlo.Value]() {
		return
	}
	input := (*stablehlo.Value)(field.UnsafePointer())
	if input.Attributes == nil {
		input.Attributes = map[string]any{}
	}
	input.Attributes["tf.aliasing_output"] = int32(output)
}
