package gateway

import "slices"

// Notices is what an agent chose to be told by mail. The zero value is the usual choice: every
// notice that is about one letter, and no digest. Companies' answers always come.
type Notices struct {
	Muted []NoticeKind `json:"muted,omitempty"` // some of MutableNotices
	// UnreadDays: told of a letter that nobody read for so many days; 0: as the installation does; negative: never.
	UnreadDays int  `json:"unread_days,omitempty"`
	Digest     bool `json:"digest,omitempty"` // what happened yesterday, every morning
}

var mutable = [...]NoticeKind{NoticeFailed, NoticeRead, NoticeDelivered, NoticeUnread}

// MutableNotices lists the notices that an agent can do without.
func MutableNotices() []NoticeKind { return mutable[:] }

// Wants tells whether a notice goes out.
func (n Notices) Wants(k NoticeKind) bool {
	switch k {
	case NoticeDigest:
		return n.Digest
	case NoticeUnread:
		return n.UnreadDays >= 0 && !slices.Contains(n.Muted, k)
	}
	return !slices.Contains(n.Muted, k)
}
