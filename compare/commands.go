package compare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mgd3/baseline"
	"mgd3/report"
)

// nameCommands names, for each number of a comparison, a command that makes it and as little else as may be: the whole
// one with the network of the table, and for a matrix with its method and number of images alone.
func (o *Options) nameCommands(c *Comparison, r *report.Result) {
	if o.Flags == nil {
		return
	}
	command := func(flags map[string]string) string {
		all := maps.Clone(o.Flags)
		// a folder of its own: the whole table stays what it is, and the page has the same bytes in every folder
		all["out"] = []string{"again"}
		for name, value := range flags {
			all[name] = []string{value}
		}
		if flags["method"] != "" {
			delete(all, "set") // a row of its own
		}
		return report.Command([]string{"mgd3", "compare"}, all)
	}
	for i := range r.Plots {
		r.Plots[i].Command = command(map[string]string{"net": r.Plots[i].Title})
	}
	for i := range r.Tables {
		for _, net := range c.Nets {
			if strings.HasPrefix(r.Tables[i].Title, net+", ") {
				r.Tables[i].Command = command(map[string]string{"net": net})
			}
		}
	}
	for _, cell := range c.Cells {
		flags := map[string]string{"net": cell.Net}
		if !slices.ContainsFunc(o.Given, func(g Given) bool { return baseline.Method(g.Name) == cell.Method }) {
			flags["method"] = string(cell.Method)
		}
		if flags["method"] != "" && cell.Method != baseline.Full {
			flags["ipc"] = strconv.Itoa(cell.IPC)
		}
		for i := range r.Confusions {
			if r.Confusions[i].Title == cell.title() {
				r.Confusions[i].Command = command(flags)
			}
		}
	}
	r.MadeBy(command(nil))
}

// title names the trainings of a cell.
func (c *Cell) title() string {
	return fmt.Sprintf("%s, %d images per class, %s", c.Method, c.IPC, c.Net)
}
