package console

import "github.com/prometheus/client_golang/prometheus/testutil"

// liveCount is how many pages are followed now.
func (c *Console) liveCount() int { return int(testutil.ToFloat64(c.metrics.live)) }
