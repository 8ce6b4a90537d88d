# make test   what decides: installs what the tests need, then runs them all
# make soak   what takes long, two hours on two cores: a thousand kills of each store, Thunderbird, then the fuzzing.
#             Shorter: make soak VAGUEMESTRE_KILLS=25 FUZZTIME=10s. Pictures of what people see: VAGUEMESTRE_SCREENSHOTS=/a/folder
# make fuzz   the fuzzing alone
# make bench  the gateway beside its peers, as a table (root); the packages' own: go test -bench . ./...
# make build  the program, in this folder
SHELL := /bin/bash
GO ?= go
export GO FUZZTIME VAGUEMESTRE_KILLS VAGUEMESTRE_SCREENSHOTS

.PHONY: test soak fuzz bench bench-parts build needs vet

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o vaguemestre ./cmd/vaguemestre

needs:
	@.ci/needs test

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...

test: needs vet
	$(GO) test -race -timeout 30m ./...

soak:
	@.ci/needs soak
	VAGUEMESTRE_SOAK=1 $(GO) test -race -count=1 -timeout 4h -run 'Soak|Kill' ./...
	@.ci/fuzz

# the second half of soak: how long each target is fuzzed stands in the script
fuzz:
	@.ci/fuzz

bench:
	@.ci/needs bench
	$(GO) run ./cmd/internal/bench

# what each package measures of itself
bench-parts:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 200ms -timeout 60m ./...
