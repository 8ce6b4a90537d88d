package main

import (
	"errors"
	"fmt"

	"vaguemestre/configs"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake/kinds"
)

type checkCommand struct{}

func (checkCommand) Run(cmds *commands, c console) error {
	cfg, err := config.Load(cmds.Config)
	var problems config.Problems
	if errors.As(err, &problems) {
		_, _ = fmt.Fprintf(c.err, "%s: %d problem(s)\n%v\n", cmds.Config, len(problems), problems)
		return exit(1)
	}
	if err != nil {
		return err
	}
	if _, err := kinds.Load(configs.Courriers(), cfg.Courriers); err != nil {
		_, _ = fmt.Fprintf(c.err, "the courier types:\n%v\n", err)
		return exit(1)
	}
	c.say("%s: no problem found", cmds.Config)
	return nil
}
