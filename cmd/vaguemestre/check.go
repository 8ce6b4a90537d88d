package main

import (
	"errors"
	"fmt"

	"vaguemestre/gateway/config"
)

type checkCommand struct{}

func (checkCommand) Run(cmds *commands, c console) error {
	_, err := config.Load(cmds.Config)
	var problems config.Problems
	if errors.As(err, &problems) {
		_, _ = fmt.Fprintf(c.err, "%s: %d problem(s)\n%v\n", cmds.Config, len(problems), problems)
		return exit(1)
	}
	if err != nil {
		return err
	}
	c.say("%s: no problem found", cmds.Config)
	return nil
}
