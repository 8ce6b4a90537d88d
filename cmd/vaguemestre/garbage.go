package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// roomyHeap is the size in bytes below which garbage is not worth collecting: what a daemon keeps in use is a few
	// megabytes, and Go's own default would collect each time as much has been added.
	roomyHeap = 32 << 20
	// usualPercent is Go's default, under which the heap grows to twice what is in use.
	usualPercent = 100
	// mostPercent: below 4 MiB in use, Go collects at 4 MiB times the percentage (runtime/debug, runtime/mgcpacer.go).
	mostPercent = 100 * roomyHeap / (4 << 20)
)

// paceGarbage lets the heap grow to roomyHeap before it is collected, and to twice what is in use beyond: a large
// heap gets no more room than Go's default gives it. It does nothing when the environment sets GOGC, and ends with stop.
func paceGarbage() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	var mu sync.Mutex
	stopped := false
	var next func()
	next = func() {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return
		}
		debug.SetGCPercent(percentFor(inUse()))
		runtime.AddCleanup(&sentinel{}, func(again func()) { again() }, next) // at the end of the next collection
	}
	next()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		debug.SetGCPercent(usualPercent)
	}
}

// sentinel is garbage from the beginning: that it is collected tells of a collection.
type sentinel struct{ _ *sentinel }

// inUse is what the last collection left, in bytes.
func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return roomyHeap // a Go that does not say: its default
	}
	return sample[0].Value.Uint64()
}

// percentFor is the growth, in percent of what is in use, after which to collect.
func percentFor(live uint64) int {
	live = max(live, 1)
	if live >= roomyHeap/2 {
		return usualPercent
	}
	return int(min(mostPercent, (roomyHeap-live)*100/live))
}
