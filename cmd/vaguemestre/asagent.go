package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// asAgent narrows what a command shows to what one agent may see; what they may not see answers as what does not exist.
type asAgent struct {
	Agent string `help:"Show only what this agent may see: their login."`
}

// consultations are those that the agent may see, only one when a reference is given; nil: all.
func (a asAgent) consultations(ctx context.Context, s *store.Store, reference string) ([]gateway.ID, error) {
	var may []gateway.Consultation
	var err error
	switch {
	case a.Agent == "" && reference == "":
		return nil, nil
	case a.Agent == "":
		may, err = s.Consultations(ctx)
	default:
		may, err = a.entitled(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	ids := []gateway.ID{}
	for _, c := range may {
		if reference == "" || c.Reference == reference {
			ids = append(ids, c.ID)
		}
	}
	if reference != "" && len(ids) == 0 {
		return nil, fmt.Errorf("no consultation has the reference %q", reference)
	}
	return ids, nil
}

func (a asAgent) entitled(ctx context.Context, s *store.Store) ([]gateway.Consultation, error) {
	agent, err := s.AgentByLogin(ctx, a.Agent)
	if errors.Is(err, gateway.ErrNotFound) || err == nil && agent.Disabled {
		return nil, fmt.Errorf("no open account has the login %q", a.Agent)
	}
	if err != nil {
		return nil, err
	}
	return s.EntitledConsultations(ctx, agent.ID)
}

// courier is the one with that number, if the agent may see it.
func (a asAgent) courier(ctx context.Context, s *store.Store, number string) (gateway.Courier, error) {
	id, err := gateway.ParseID(number)
	if err != nil {
		return gateway.Courier{}, fmt.Errorf("%q is no courier number", number)
	}
	none := fmt.Errorf("no courier has the number %s", id)
	courier, err := s.Courier(ctx, id)
	if errors.Is(err, gateway.ErrNotFound) {
		return courier, none
	}
	if err != nil || a.Agent == "" {
		return courier, err
	}
	may, err := a.entitled(ctx, s)
	if err == nil && !slices.ContainsFunc(may, func(c gateway.Consultation) bool { return c.ID == courier.Consultation }) {
		err = none
	}
	return courier, err
}
