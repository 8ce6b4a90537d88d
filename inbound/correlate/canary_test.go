package correlate

import (
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/token"
)

// A canary and the report about it are filed without a word; the same from anybody else is not.
func TestOnlyOurOwnCanariesAreFiledWithoutAWord(t *testing.T) {
	r := newRoom(t)
	ours := r.address(token.Canary, 0)
	for name, mail := range map[string]string{
		"the canary": "From: <" + ours + ">\nTo: <" + ours + ">\nSubject: Canary\nAuto-Submitted: auto-generated\n\nx\n",
		"its report": report("From: MAILER-DAEMON@mx.example\nTo: <"+ours+">\n", "Final-Recipient: rfc822; "+ours+"\nAction: delivered\nStatus: 2.0.0\n", ""),
	} {
		step := r.understand(mail)
		if step.Inbound.State != gateway.InboundDone || step.Inbound.Class != ClassCanary || len(step.Events)+len(step.Jobs) > 0 {
			t.Errorf("%s: %+v", name, step)
		}
	}
	last := ours[strings.Index(ours, "@")-1]
	forged := strings.Replace(ours, string(last)+"@", string(map[bool]byte{true: 'b', false: 'a'}[last == 'a'])+"@", 1)
	reply := strings.Replace(r.address(token.Reply, 0), "+r-", "+c-", 1)
	for _, address := range []string{forged, reply, "courrier+c-x@" + domain} {
		step := r.understand("From: someone@elsewhere.example\nTo: <" + address + ">\nSubject: Canary\n\nx\n")
		if step.Inbound.State != gateway.InboundQuarantined || step.Inbound.Class == ClassCanary {
			t.Errorf("%s: %+v", address, step.Inbound)
		}
	}
}
