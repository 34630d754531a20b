package evaluate

import (
	"encoding/json"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// programs are what trainings were compiled to, by all that decides their graphs: trainings of one network under one
// protocol, of other sets and seeds, have the same. They keep no weights of a training that has ended.
type programs struct {
	made  map[string]*engine.Program
	built func(name string) // told of each graph that is built; nil
}

// of returns the program of the graph that name, the network, its norm, its outputs and more decide, with a
// training's weights.
func (c *programs) of(r *Run, name string, f engine.Func, w engine.Weights, more ...any) (*engine.Program, error) {
	p := r.Protocol
	key, err := json.Marshal([]any{name, r.Net, p.Size, len(r.Train.Classes), p.Norm, p.Precision, more})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", name, r.Net, err)
	}
	if program, ok := c.made[string(key)]; ok {
		return program.With(w)
	}
	program, err := r.Engine.Compile(name, func(p engine.Params, in []*graph.Node) []*graph.Node {
		if c.built != nil {
			c.built(name)
		}
		return f(p, in)
	}, w)
	if err != nil {
		return nil, err
	}
	if c.made == nil {
		c.made = map[string]*engine.Program{}
	}
	c.made[string(key)] = program
	return program, nil
}
