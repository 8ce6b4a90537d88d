package mailbox

import "time"

// State is how an account fares.
type State struct {
	Account   string
	Said      string    // "starting", "connected", "stopped", "elsewhere", or what failed
	OK        bool      // it is read, here or by another node
	Elsewhere bool      // another node reads it
	Looked    time.Time // the last look through to the end by this process; zero: none
}

// States tells how each account fares, in the order of the configuration.
func (s *Service) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]State, len(s.o.Accounts))
	for i, a := range s.o.Accounts {
		st := s.status[a.Name]
		states[i] = State{Account: a.Name, Said: st.state, OK: st.ok, Elsewhere: st.ok && st.state == elsewhere, Looked: st.since}
	}
	return states
}

// elsewhere is the state of an account that another node reads.
const elsewhere = "elsewhere"
