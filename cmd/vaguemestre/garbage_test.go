package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestALargeHeapGetsNoMoreRoomThanGoGivesIt(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 2 << 20: 800, 8 << 20: 300, 16 << 20: 100, 500 << 20: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB in use: %d %%, not %d", live>>20, got, want)
		}
	}
}

func TestEachCollectionSetsThePaceAnew(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(usualPercent)
	defer debug.SetGCPercent(before)
	stop := paceGarbage()
	held := make([]byte, 2*roomyHeap)
	for {
		runtime.GC()
		now := debug.SetGCPercent(usualPercent) // gives the one that was set
		if now == usualPercent {
			break // the cleanup ran after a collection that saw held
		}
		debug.SetGCPercent(now)
		runtime.Gosched()
	}
	runtime.KeepAlive(held)
	stop()
	if got := debug.SetGCPercent(usualPercent); got != usualPercent {
		t.Errorf("after the end: %d %%", got)
	}
}
