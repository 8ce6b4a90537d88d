package relay

import (
	"errors"
	"fmt"

	"vaguemestre/gateway"
)

// The stages of a transaction, as recorded in gateway.RelayDetails.Stage.
const (
	stageCompose = "compose" // before any connection
	stageConnect = "connect"
	stageHello   = "hello"
	stageTLS     = "tls"
	stageAuth    = "auth"
	stageMail    = "mail"
	stageRcpt    = "rcpt"
	stageData    = "data"
	stageDot     = "dot"
)

// trouble is how an attempt at one smarthost went wrong.
type trouble struct {
	stage     string
	fault     *gateway.Fault
	reply     reply                // zero when the peer said nothing
	elsewhere bool                 // another smarthost may do better
	lost      bool                 // the connection is of no more use
	details   gateway.RelayDetails // what was seen of the peer
	stale     bool                 // it had been idle, and nothing of the message had been sent: try a fresh one
}

// broken is trouble with the connection, which says nothing of the message. It is of class
// Temporary whatever the peer says.
func broken(stage string, err error) *trouble {
	status := [3]int{4, 4, 2}
	switch stage {
	case stageConnect:
		status = [3]int{4, 4, 1}
	case stageTLS:
		status = [3]int{4, 7, 5}
	case stageAuth:
		status = [3]int{4, 7, 0}
	}
	return &trouble{
		stage: stage, elsewhere: true, lost: true,
		fault: &gateway.Fault{Class: gateway.Temporary, Enhanced: status, Op: "relay " + stage, Err: err},
	}
}

// unwelcome is a reply that refuses us rather than the message: greeting, EHLO, STARTTLS, AUTH.
// A 5xx here must not bounce letters: the administrator has something to mend.
func unwelcome(stage string, rep reply) *trouble {
	t := broken(stage, fmt.Errorf("refused with %d", rep.code))
	t.reply = rep
	t.fault.Code = rep.code
	return t
}

// refused is a 4xx or 5xx for this message.
func refused(stage string, rep reply) *trouble {
	t := &trouble{stage: stage, reply: rep}
	t.fault = &gateway.Fault{Class: gateway.Temporary, Code: rep.code, Enhanced: rep.status(), Op: "relay " + stage}
	switch {
	case rep.code == 421: // RFC 5321 §3.8: the peer is closing
		t.elsewhere, t.lost = true, true
	case rep.code/100 == 4:
		t.elsewhere = stage == stageMail // the mailbox has no part in it yet
	case authCode(rep.code):
		t.elsewhere = true // our login's trouble, not the letter's
	case rep.code/100 == 5:
		t.fault.Class = gateway.Permanent
	default: // 2xx or 3xx where it means nothing
		t.fault.Err, t.fault.Code, t.fault.Enhanced = errReply, 0, [3]int{4, 5, 0}
		t.elsewhere, t.lost = true, true
	}
	return t
}

// authCode tells the codes of RFC 4954 §6 that say we should have logged in, or better.
func authCode(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// unknown is a connection lost after the final dot: the peer may have taken the message
// (RFC 1047).
func unknown(err error) *trouble {
	return &trouble{
		stage: stageDot, lost: true,
		fault: &gateway.Fault{Class: gateway.Unknown, Enhanced: [3]int{4, 4, 2}, Op: "relay " + stageDot, Err: err},
	}
}

// incapable is a message that this smarthost cannot carry as it is.
func incapable(code int, status [3]int, why string) *trouble {
	return &trouble{
		stage: stageMail, elsewhere: true,
		fault: &gateway.Fault{Class: gateway.Permanent, Code: code, Enhanced: status, Op: "relay " + stageMail, Err: errors.New(why)},
	}
}

// composing is a message that could not be written: nothing to do with the smarthost.
func composing(err error) *trouble {
	f := gateway.FaultOf(err)
	var known *gateway.Fault
	if !errors.As(err, &known) {
		f = &gateway.Fault{Class: gateway.Temporary, Enhanced: [3]int{4, 3, 0}, Op: "compose", Err: err}
	}
	return &trouble{stage: stageCompose, fault: f, lost: true}
}

// cause is what the evidence says of the trouble beside the peer's words. An address never
// stands in it: faults of ours do not hold one.
func (t *trouble) cause() string {
	if t.fault.Err != nil {
		return t.fault.Err.Error()
	}
	return ""
}
