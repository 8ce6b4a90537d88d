# make test   what decides: installs what the tests need, then runs them all
# make soak   what takes long: minutes of fuzzing, hundreds of kills
# make bench  the gateway beside its peers, as a table (root); the packages' own: go test -bench . ./...
# make build  the program, in this folder
SHELL := /bin/bash
GO ?= go
FUZZTIME ?= 2m

.PHONY: test soak bench bench-parts build needs vet

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o vaguemestre ./cmd/vaguemestre

needs:
	@.ci/needs test

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...

test: needs vet
	$(GO) test -race -timeout 12m ./...

soak:
	@.ci/needs soak
	VAGUEMESTRE_SOAK=1 $(GO) test -race -count=1 -timeout 170m -run 'Soak|Kill' ./cmd/...
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

bench:
	@.ci/needs bench
	$(GO) run ./cmd/internal/bench

# what each package measures of itself
bench-parts:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 200ms -timeout 60m ./...
