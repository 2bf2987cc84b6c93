# The front door. make help lists what there is; make test is what CI runs.

.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help build demo test race fuzz lint bench soak cover services

SHELL := /bin/sh
GO := $(shell command -v go || echo /usr/local/go/bin/go)
# The Go services are built by a child that looks for go in PATH.
export PATH := $(PATH):/usr/local/go/bin

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
# No version control stamp: git refuses a checkout that another user owns.
BUILD := -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
TOOLS := $(patsubst tools/%/main.go,%,$(wildcard tools/*/main.go))
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

RACE := $(if $(shell command -v gcc || command -v cc),-race)

FUZZTIME ?= 30s# a fuzz target
BENCH ?= .# which benchmarks
SOAKS ?= 20# runs of the race detector in make soak
FLAGS ?=# more flags of go test

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the tools, into bin/
	@for tool in $(TOOLS); do \
		echo "bin/$$tool $(VERSION)"; \
		$(GO) build $(BUILD) -o bin/ ./tools/$$tool || exit 1; \
	done

services: build ## the Go services below services/
	bin/create_service build --all services

demo: services ## run the StateMachine choreography and a plant that is watched, follow them, stop them in order
	tools/demo.sh
	tools/demo-plant.sh

test: ## what CI runs: vet and every test, under the race detector where there is a C compiler
	$(need_peers)
	$(GO) vet ./...
	$(GO) test $(RACE) $(FLAGS) $$($(GO) list ./... | grep -v -e /bench/ -e /test/)
	$(whole)

race: ## every test under the race detector
	$(need_peers)
	$(need_cc)
	$(GO) test -race $(FLAGS) ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | \
	while IFS=: read -r file target; do \
		target=$${target#func }; \
		echo "$$target of $$(dirname "$$file")"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $(FLAGS) "$$(dirname "$$file")" </dev/null || exit 1; \
	done

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(find . -name '*.go' ! -path './.*' ! -path '*/testdata/*' -exec gofmt -l {} +) && \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:" $$unformatted >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags soak ./...
	$(GO) run $(STATICCHECK) -tags soak ./...

bench: ## every benchmark, or BENCH=regexp
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(FLAGS) ./...

soak: ## SOAKS (20) runs of the race detector, then the long tests (hours)
	$(need_peers)
	$(need_cc)
	$(GO) test -race -count $(SOAKS) -timeout 4h $(FLAGS) $$($(GO) list ./... | grep -v -e /bench/ -e /test/)
	$(GO) test -race -p 1 -count $(SOAKS) -timeout 4h $(FLAGS) ./bench/... ./test/...
	$(GO) test -tags soak -run Soak -count 1 -timeout 4h -v $(FLAGS) ./...

cover: ## how much of the code the tests reach
	@mkdir -p .cache
	$(GO) test -coverprofile .cache/cover.out -coverpkg ./... $(FLAGS) ./...
	@$(GO) tool cover -func .cache/cover.out | tail -1
	@echo "lines: go tool cover -html .cache/cover.out"

# Tests of the built product load the machine and measure it: one package at a
# time, and without the race detector, which sees only the test's own process.
whole = $(GO) test -p 1 $(FLAGS) ./bench/... ./test/...

# Tests against real peers fail in CI without them and are skipped, by name,
# elsewhere. Nothing is installed here; the command that helps is said.
define need_peers
@missing=; \
/usr/bin/python3 -c 'import zmq' 2>/dev/null || missing="$$missing python3-zmq"; \
/usr/bin/python3 -c 'import psutil' 2>/dev/null || missing="$$missing python3-psutil"; \
command -v xmllint >/dev/null || missing="$$missing libxml2-utils"; \
command -v ps >/dev/null || missing="$$missing procps"; \
command -v ss >/dev/null || missing="$$missing iproute2"; \
command -v promtool >/dev/null || missing="$$missing prometheus"; \
test -e /usr/include/czmq.h || missing="$$missing libczmq-dev"; \
test -e /usr/share/postgresql-common/pg_wrapper || missing="$$missing postgresql"; \
test -x /usr/sbin/mosquitto || missing="$$missing mosquitto"; \
command -v mosquitto_sub >/dev/null || missing="$$missing mosquitto-clients"; \
/usr/bin/python3 -c 'import paho.mqtt.client' 2>/dev/null || missing="$$missing python3-paho-mqtt"; \
command -v redis-server >/dev/null || missing="$$missing redis-server"; \
test -x /usr/sbin/nats-server || missing="$$missing nats-server"; \
test -x /usr/sbin/nft || missing="$$missing nftables"; \
command -v sqlite3 >/dev/null || missing="$$missing sqlite3"; \
if [ -n "$$missing" ]; then \
	echo "some tests need what is not here: apt-get install$$missing" >&2; \
	[ -z "$$CI" ] || exit 1; \
fi
endef

define need_cc
@command -v gcc >/dev/null || command -v cc >/dev/null || \
	{ echo "the race detector needs a C compiler: apt-get install gcc libc6-dev" >&2; exit 1; }
endef
