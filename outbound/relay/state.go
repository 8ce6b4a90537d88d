package relay

import "time"

// State is how a smarthost fares, as the deliveries of this process met it.
type State struct {
	Address string
	Down    bool        // the others are asked first for a moment
	Opened  time.Time   // the last connection that was opened; zero: none yet
	Shown   Examination // what the smarthost showed of itself then
	Failed  time.Time   // the last that was not; zero: none
	Fault   string      // what it met; no mail address in it
}

// States tells how each smarthost fares, by priority. It asks nobody.
func (r *Relay) States() []State {
	states := make([]State, len(r.pools))
	for i, p := range r.pools {
		p.mu.Lock()
		states[i] = p.state
		states[i].Down = p.now().Before(p.down)
		p.mu.Unlock()
		states[i].Address = p.host.Address
	}
	return states
}
