package main

import "encoding/json"

// asJSON is what the commands have in common whose results programs read: the shapes are those of the API.
type asJSON struct {
	JSON bool `name:"json" help:"Write JSON, in the shapes of the API."`
}

// show writes a result for programs or for people.
func (a asJSON) show(c console, v any, people func() error) error {
	if !a.JSON {
		return people()
	}
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
