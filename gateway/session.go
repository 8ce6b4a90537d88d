package gateway

import "time"

// Session is an agent signed in to the console from one browser. Its secret is the browser's alone: the store
// keeps its hash.
type Session struct {
	ID      ID
	Agent   ID
	Way     SignInWay
	Browser string // what the browser said it is, shortened
	Created time.Time
	Used    time.Time // last time, to the minute
	Ends    time.Time // whatever happens
}

// SignInWay is how an agent proved who they are.
type SignInWay string

// The ways.
const (
	ByLink     SignInWay = "link"     // a link sent to their mailbox
	ByPassword SignInWay = "password" // local, or the directory's
	ByOpenID   SignInWay = "openid"   // an OpenID Connect provider
)
