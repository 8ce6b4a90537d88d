package daemon

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"vaguemestre/tracking/console"
)

func TestANodeTellsTheOthersHowItFaresAndWhenItStops(t *testing.T) {
	ctx := context.Background()
	d, err := New(ctx, settings(t), Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop(ctx)
	if err := d.tellNode(ctx); err != nil {
		t.Fatal(err)
	}
	nodes, err := d.store.Nodes(ctx)
	if err != nil || len(nodes) != 1 || nodes[0].Name != d.owner() {
		t.Fatalf("%+v, %v", nodes, err)
	}
	var said console.Health
	if err := json.Unmarshal([]byte(nodes[0].State), &said); err != nil || len(said.Smarthosts) != 1 || said.Smarthosts[0].Address != "127.0.0.1:1" || len(said.Certificates) == 0 {
		t.Errorf("%+v, %v", said, err)
	}
	over, stop := context.WithCancel(ctx)
	stop()
	if err := d.tellNodes(over); err != nil {
		t.Error(err)
	}
	if nodes, err := d.store.Nodes(ctx); err != nil || len(nodes) != 0 {
		t.Errorf("after its end: %+v, %v", nodes, err)
	}
}
