package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"vaguemestre/gateway"
)

// maxUnreadDays bounds after how many days an agent is told of a letter that nobody read.
const maxUnreadDays = 365

// noticesForm is what an agent is told by mail, to be chosen by them or by an administrator.
type noticesForm struct {
	Path    string // it is sent to
	Words   string // the keys of its sentences begin so
	Choices []noticeChoice
	Days    int // 0: as the installation does
	Digest  bool
}

// noticeChoice is a notice that an agent can do without.
type noticeChoice struct {
	Kind gateway.NoticeKind
	On   bool
}

func noticesOf(n gateway.Notices, path, words string) noticesForm {
	f := noticesForm{Path: path, Words: words, Days: max(n.UnreadDays, 0), Digest: n.Digest}
	for _, kind := range gateway.MutableNotices() {
		f.Choices = append(f.Choices, noticeChoice{kind, n.Wants(kind)})
	}
	return f
}

// readNotices is what was chosen. Companies' answers always come.
func readNotices(form url.Values) (n gateway.Notices) {
	n.Digest = form.Has("digest")
	if days, err := strconv.Atoi(form.Get("jours")); err == nil && days > 0 && days <= maxUnreadDays {
		n.UnreadDays = days
	}
	for _, kind := range gateway.MutableNotices() {
		if !slices.Contains(form["avis"], string(kind)) {
			n.Muted = append(n.Muted, kind)
		}
	}
	return n
}

// setOwnNotices keeps what an agent chose to be told.
func (c *Console) setOwnNotices(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.d.Store.SetNotices(r.Context(), v.agent.ID, readNotices(r.PostForm)); err != nil {
		return err
	}
	return after(w, r, "/compte", "notices")
}
