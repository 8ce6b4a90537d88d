package proof

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// ledger checks the checkpoint, its stamp, and that every event is under it as it is shown.
func (v *verification) ledger() {
	note, ok := v.fileOf(roleCheckpoint, 64<<10)
	if !ok {
		v.add(Wrong, "checkpoint-broken", "why", checkpointName)
		return
	}
	c, err := v.checkpoint(note)
	if err != nil {
		v.add(Wrong, "checkpoint-broken", "why", err.Error())
		return
	}
	said := v.Evidence.Ledger
	if said.Name != c.Name || said.Size != c.Size || said.Root != base64.StdEncoding.EncodeToString(c.Root[:]) || !said.Until.Equal(c.Time) {
		v.add(Wrong, "fact-wrong", "what", "ledger")
	}
	v.stamp(note)
	v.events(c)
}

func (v *verification) checkpoint(note []byte) (ledger.Checkpoint, error) {
	keys, verdict, key := v.trust.Ledgers, Proved, "checkpoint"
	if len(keys) == 0 {
		keys, verdict, key = []string{v.Evidence.Ledger.Key}, NotProved, "checkpoint-own"
	}
	known, err := ledger.Verifiers(keys...)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	c, err := ledger.Open(note, known)
	if err == nil {
		v.add(verdict, key, "size", strconv.FormatInt(c.Size, 10), "name", c.Name)
	}
	return c, err
}

// fileOf reads the attached file of a role.
func (v *verification) fileOf(role string, most int64) ([]byte, bool) {
	for _, f := range v.Evidence.Files {
		if f.Role != role {
			continue
		}
		b, err := v.files[f.Name].read(most)
		return b, err == nil
	}
	return nil, false
}

func (v *verification) stamp(note []byte) {
	said := v.Evidence.Ledger.Stamped
	token, ok := v.fileOf(roleStamp, 64<<10)
	if said == nil && !ok {
		v.add(NotProved, "unstamped")
		return
	}
	stamp, err := ledger.CheckStamp(note, token, nil)
	if err != nil {
		v.add(Wrong, "stamp-broken", "why", err.Error())
		return
	}
	if said == nil || !said.At.Equal(stamp.Time) || said.Authority != stamp.Authority() {
		v.add(Wrong, "fact-wrong", "what", "ledger")
	}
	v.add(Proved, "stamp", "at", atArg(stamp.Time), "authority", stamp.Authority())
	v.authority(stamp)
}

func (v *verification) events(c ledger.Checkpoint) {
	paths := map[gateway.ID]inclusion{}
	if text, ok := v.fileOf(roleInclusion, maxEvidence); ok {
		var all inclusions
		if err := decodeCanonical(text, &all); err != nil {
			v.add(Wrong, "file-changed", "name", inclusionName)
			return
		}
		for _, p := range all.Proofs {
			paths[p.Event] = p
		}
	}
	right, withheld := 0, 0
	for _, f := range v.Evidence.Events {
		if v.event(c, f, paths[f.ID]) {
			right++
		}
		if f.Withheld != "" {
			withheld++
		}
	}
	v.add(Proved, "events", "count", strconv.Itoa(right))
	if withheld > 0 {
		v.add(NotProved, "details-withheld", "count", strconv.Itoa(withheld))
	}
}

func (v *verification) event(c ledger.Checkpoint, f EventFacts, proof inclusion) bool {
	e := f.Event()
	err := c.CheckInclusion(e, ledger.Inclusion{Position: f.Position, Path: proof.Path})
	if err != nil {
		v.add(Wrong, "event-changed", "kind", string(f.Kind), "id", f.ID.String(), "why", err.Error())
		return false
	}
	if shown := f.Details != ""; shown == (f.Withheld != "" || f.DetailsHash.IsZero()) || shown && gateway.SaltedHash(f.Salt, []byte(f.Details)) != f.DetailsHash {
		v.add(Wrong, "details-changed", "kind", string(f.Kind), "id", f.ID.String())
		return false
	}
	if f.ETSI != etsiName(e) || f.Courier != v.Evidence.Courier.ID {
		v.add(Wrong, "event-changed", "kind", string(f.Kind), "id", f.ID.String(), "why", "ETSI")
		return false
	}
	if f.Recorded.After(c.Time) {
		v.add(Wrong, "fact-wrong", "what", "later")
		return false
	}
	return true
}

// facts checks that what the proof says beside the events follows from them.
func (v *verification) facts() {
	said := &claims{verification: v}
	said.letter()
	said.text()
	said.recipients()
	said.replies()
	said.reports()
	if len(said.wrong) > 0 {
		v.add(Wrong, "fact-wrong", "what", strings.Join(said.wrong, whatsApart))
	} else {
		v.add(Proved, "facts")
	}
	if len(said.unproved) > 0 {
		v.add(NotProved, "facts-unproved", "what", strings.Join(said.unproved, whatsApart))
	}
}

// claims sorts what the proof says into what its events show false and what they do not show.
type claims struct {
	*verification
	wrong, unproved []string
}

func (c *claims) judge(shown, right bool, what string) {
	switch {
	case !shown:
		c.unproved = append(c.unproved, what)
	case !right:
		c.wrong = append(c.wrong, what)
	}
}

// find gives the first event that a test accepts.
func (c *claims) find(test func(EventFacts) bool) (EventFacts, bool) {
	i := slices.IndexFunc(c.Evidence.Events, test)
	if i < 0 {
		return EventFacts{}, false
	}
	return c.Evidence.Events[i], true
}

func (c *claims) letter() {
	f, ok := c.find(func(f EventFacts) bool { return f.Kind == gateway.Submitted && f.Recipient.IsZero() })
	shown := ok && f.Withheld == ""
	d, said := details[gateway.SubmittedDetails](f), c.Evidence.Courier
	c.judge(shown, d.Subject == said.Subject && d.Type == said.Type && same(d.Options, said.Options) && d.Door == said.Door, "subject")
	c.judge(shown, same(d.Files, said.Files), "files")
	c.judge(shown, d.Author == said.AuthorAddr && (said.MessageID == "" || d.MessageID == said.MessageID), "author")
	c.consultation(d.Context)
	if !said.Content.IsZero() {
		c.judge(shown, d.Content == said.Content, "content")
	}
}

// consultation holds the contextual block against the digest that the courier's own event, or in a proof for one recipient theirs, bears.
func (c *claims) consultation(digest gateway.Hash) {
	if only := c.Evidence.Issued.For; !only.IsZero() {
		f, _ := c.find(func(f EventFacts) bool { return f.Kind == gateway.Submitted && f.Recipient == only })
		digest = details[gateway.RecipientDetails](f).Context
	}
	c.judge(!digest.IsZero(), c.Evidence.Consultation.Digest() == digest, "consultation")
}

// same compares two values by their JSON: what a reader of the evidence sees.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && (string(x) == string(y) || isNone(x) && isNone(y))
}

func isNone(b []byte) bool { return string(b) == "null" || string(b) == "[]" }

// text reads the letter again from the attached message, and compares.
func (c *claims) text() {
	said := c.Evidence.Courier
	i := slices.IndexFunc(c.Evidence.Files, func(f Attached) bool { return f.Role == roleMessage })
	if i < 0 || c.files[c.Evidence.Files[i].Name].stream == nil {
		c.judge(false, false, "text")
		return
	}
	o := c.files[c.Evidence.Files[i].Name]
	c.judge(true, c.Evidence.Files[i].SHA256 == said.Content, "content")
	text, cut, err := readText(o.stream, o.stream.Size())
	if err != nil || text == "" && said.Text != "" {
		c.judge(false, false, "text") // the model stood in for an empty letter
		return
	}
	c.judge(true, text == said.Text && cut == said.TextCut, "text")
}

func (c *claims) recipients() {
	events, only := byRecipient(c.Evidence.Events), c.Evidence.Issued.For
	for _, r := range c.Evidence.Recipients {
		own := events[r.ID]
		delete(events, r.ID)
		i := slices.IndexFunc(own, func(f EventFacts) bool { return f.Kind == gateway.Submitted })
		shown := i >= 0 && own[i].Withheld == ""
		var d gateway.RecipientDetails
		if shown {
			d = details[gateway.RecipientDetails](own[i])
		}
		c.judge(shown, d.Address == r.Address && d.Company == r.Company && d.Register == r.Register, "recipient "+r.Address)
		c.judge(true, stateOf(own) == r.State && (only.IsZero() || only == r.ID), "state "+r.Address)
	}
	delete(events, gateway.ID{}) // of the whole courier
	for id := range events {
		c.judge(true, false, "recipient "+id.String())
	}
}

func (c *claims) replies() {
	for _, r := range c.Evidence.Replies {
		f, ok := c.find(func(f EventFacts) bool {
			return f.Kind == gateway.Replied && f.Recipient == r.Recipient && details[gateway.ReplyDetails](f).Reply == r.ID
		})
		d := details[gateway.ReplyDetails](f)
		hash := d.Content == r.Content || d.Sealed && d.Commitment == gateway.Commitment(r.ID, r.Content)
		c.judge(ok, hash && d.From == r.From && d.Late == r.Late && d.OtherSender == r.OtherSender && (d.Sealed || same(d.Files, r.Files)), "reply "+r.From)
	}
}

// reports checks that each attached report is one that a shown event rests on.
func (c *claims) reports() {
	for _, f := range c.Evidence.Files {
		if f.Role != roleReport {
			continue
		}
		_, ok := c.find(func(e EventFacts) bool { return slices.Contains(e.Contents, f.SHA256) })
		c.judge(true, ok, "attached "+f.Name)
	}
}
