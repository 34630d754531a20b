package backends

import (
	"fmt"
	"strings"

	"mgd3/engine"
	"mgd3/internal/doctor"
	"mgd3/internal/exits"
)

// Facts tell a doctor what backends and plugins there are, and whether the one of c opens.
func (c Choice) Facts() []doctor.Fact {
	facts := []doctor.Fact{{Area: "backends", Name: "of this build", State: doctor.Good,
		Value: strings.Join(engine.Names(), ", ")}}
	plugins, searched := engine.Plugins()
	for _, p := range plugins {
		facts = append(facts, doctor.Fact{Area: "backends", Name: "plugin " + p.Name, State: doctor.Good, Value: p.Path,
			Advice: fmt.Sprintf("\"mgd3 backends --backend xla:%s --check\" tries it", p.Name)})
	}
	if len(plugins) == 0 {
		facts = append(facts, doctor.Fact{Area: "backends", Name: "plugins", State: doctor.Absent,
			Value: fmt.Sprintf("none in %d folders", len(searched)),
			Advice: `for a GPU: pip install "jax-cuda13-plugin[with-cuda]" (docs/gpu.md); ` +
				`"mgd3 backends" lists the folders`})
	}
	open := doctor.Fact{Area: "backends", Name: "opened: " + c.Name, State: doctor.Good}
	e, err := c.Open(engine.Float32, "")
	if err != nil {
		_, hint := exits.Diagnose(err)
		open.State, open.Value, open.Advice = doctor.Problem, exits.Message(err), hint
		return append(facts, open)
	}
	defer e.Close()
	open.Value = fmt.Sprintf("%s; devices: %s", e.Description(), strings.Join(e.Devices(), ", "))
	return append(facts, open)
}
