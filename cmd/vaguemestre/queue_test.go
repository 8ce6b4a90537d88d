package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"vaguemestre/gateway"
)

// TestTheQueueIsSteeredByCommand: a running daemon does what the queue's commands say, and what they show is what happened.
func TestTheQueueIsSteeredByCommand(t *testing.T) {
	t.Parallel()
	mad := startMadhost(t)
	i, _, clientTLS := installDemoWorld(t, "", fmt.Sprintf("[[relay.smarthost]]\naddress = %q\ntls = \"none\"\n", mad.listener.Addr()))
	i.feed()
	mad.goesMad("RCPT", "450 4.2.0 greylisted, come back")
	i.serve()
	c := client{installation: i, tls: clientTLS}
	s := i.look()
	couriers, jobs := map[string]gateway.ID{}, map[string]string{}
	for _, key := range []string{"annule", "relance", "retenu"} {
		couriers[key] = c.accepted(key, c.letter(key, 0))
		i.event(s, couriers[key], boxOf(key), gateway.Deferred)
	}
	for line := range strings.Lines(i.must("", "queue", "list", "--json", "--faulty")) {
		var j struct {
			Job, Courier, Fault string
			Attempts            int
		}
		if err := json.Unmarshal([]byte(line), &j); err != nil || !strings.Contains(j.Fault, "450") || j.Attempts == 0 {
			t.Fatalf("%v: %s", err, line)
		}
		for key, id := range couriers {
			if id.String() == j.Courier {
				jobs[key] = j.Job
			}
		}
	}
	if len(jobs) != 3 {
		t.Fatalf("jobs %v", jobs)
	}
	i.must("", "queue", "hold", jobs["retenu"])

	out := i.must("", "queue", "show", jobs["retenu"])
	for _, want := range []string{jobs["retenu"], couriers["retenu"].String(), boxOf("retenu"), "deferred", "450", "greylisted", "held: nothing is tried before queue release", "TESTESR2020", "none while it is held"} {
		if !strings.Contains(out, want) {
			t.Errorf("queue show says no %q:\n%s", want, out)
		}
	}
	var about struct {
		State, Address, Standing string
		Held                     bool
		History                  []struct {
			Attempt int
			Outcome string
			Details gateway.RelayDetails
		}
	}
	if err := json.Unmarshal([]byte(i.must("", "queue", "show", "--json", jobs["retenu"])), &about); err != nil {
		t.Fatal(err)
	}
	if !about.Held || about.Address != boxOf("retenu") || about.Standing != "deferred" || len(about.History) == 0 || about.History[0].Details.Code != 450 {
		t.Errorf("%+v", about)
	}

	if out := i.must("", "queue", "cancel", jobs["annule"], "--reason", "mauvaise pièce", "--json"); !strings.Contains(out, `"changed":1`) {
		t.Error(out)
	}
	if out, err := i.program("", "queue", "cancel", jobs["annule"], "--reason", "encore"); err == nil || !strings.Contains(err.Error(), "no job has this number") {
		t.Errorf("cancelled twice: %v %s", err, out)
	}
	if out, err := i.program("", "queue", "show", jobs["annule"]); err == nil {
		t.Errorf("a job that is gone shows: %s", out)
	}
	mad.goesMad("", "")
	i.must("", "queue", "retry", jobs["relance"])
	i.event(s, couriers["relance"], boxOf("relance"), gateway.Sent)
	i.must("", "queue", "release", "--json", jobs["retenu"])
	i.must("", "queue", "flush", "--json")
	i.event(s, couriers["retenu"], boxOf("retenu"), gateway.Sent)
	if came := mad.forBox("annule"); len(came) > 0 {
		t.Errorf("a cancelled letter left: %+v", came)
	}
	if out := i.must("", "courier", "show", couriers["annule"].String()); !strings.Contains(out, "mauvaise pièce") || !strings.Contains(out, "cancelled") {
		t.Error(out)
	}
	i.until("the queue is empty", func() bool { return i.must("", "queue", "list", "--json") == "" })
	i.stop()
}
