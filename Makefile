# HubSQL. `make` lists the targets. Debian 12 with Go and a C compiler is enough;
# `make test` installs what else the tests need.

SHELL    := /bin/bash
GO       ?= go
BIN      := bin
PARALLEL ?= 2
# Arguments of `go test` for a part of the tests: make unit PKGS=./exec/... ARGS='-run Sort -v'
PKGS     ?= ./...
ARGS     ?=

GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0

# Tests that start servers live here; everything else is a unit test.
INTEGRATION := ./tests/...
UNIT_PKGS    = $(shell $(GO) list $(PKGS) 2>/dev/null | grep -v '/hubsql/tests/')

.DEFAULT_GOAL := help
.PHONY: help build run test deps vet arch unit race integration fuzz fuzz-sql slt lint vuln clean

help: ## list the targets
	@echo "HubSQL: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile bin/hubsql
	@echo "== build: $(BIN)/hubsql"
	@echo "   The first build compiles PostgreSQL's SQL grammar, which is C: that takes two to"
	@echo "   five minutes. Later builds take seconds."
	@mkdir -p $(BIN)
	@.ci/progress "compiling" $(GO) build -o $(BIN)/hubsql ./cmd/hubsql
	@$(BIN)/hubsql version

run: build ## start the demonstration hub on 127.0.0.1:5433; ONCE=1 runs its query as both roles and exits
	@echo "== run: demonstration hub$(if $(filter 1 yes true,$(ONCE)), (once))"
	@exec $(BIN)/hubsql demo $(if $(filter 1 yes true,$(ONCE)),--once) $(DEMO_ARGS)

test: deps build vet arch unit integration ## install what tests need, then run every test
	@echo "== test: all passed"

deps: ## install the Debian packages that tests need and that are missing
	@echo "== deps: PostgreSQL, MariaDB, their clients, a JDK and the JDBC driver"
	@.ci/deps

vet: ## run go vet
	@echo "== vet"
	@.ci/progress "vetting" $(GO) vet ./...

arch: ## check the import law and the house rules
	@echo "== arch: import law and house rules"
	@$(GO) test -count=1 ./tests/arch

unit: ## run the tests beside the code
	@echo "== unit: tests beside the code"
	@.ci/progress "testing" $(GO) test -p $(PARALLEL) -timeout 20m $(ARGS) $(UNIT_PKGS)

race: ## run the tests beside the code under the race detector
	@echo "== race: unit tests under the race detector"
	@echo "   The first run compiles the SQL grammar once more, for the detector: two to five minutes."
	@.ci/progress "testing" $(GO) test -race -p $(PARALLEL) -timeout 30m $(ARGS) $(UNIT_PKGS)

# -count=1: tests/process runs a binary that it builds, which the cache of test
# results does not see.
integration: build ## run the tests that start servers: logic, differential, clients
	@echo "== integration: tests against running servers"
	@.ci/progress "testing" $(GO) test -count=1 -p $(PARALLEL) -timeout 30m $(ARGS) $(INTEGRATION)
	@.ci/progress "comparing docs/compatibility.md" $(GO) test -count=1 ./tests/logic -run Compatibility -page

# A number of executions, not a time: at a deadline the fuzzer reports the run that
# is cut off as a failure.
FUZZTIME ?= 3000x
fuzz: ## run every fuzz test for FUZZTIME (default 3000 executions)
	@echo "== fuzz: $(FUZZTIME) each"
	@grep -rlE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+\(' . | while read -r file; do \
	  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$$file" | sed 's/func //' | while read -r name; do \
	    echo "   $$name in $$(dirname "$$file")"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -parallel $(PARALLEL) "./$$(dirname "$$file")" || exit 1; \
	  done || exit 1; \
	done

DURATION ?= 10m
SEED ?= $(shell date +%s)
fuzz-sql: build deps ## compare random queries with PostgreSQL for DURATION (10m), from SEED (printed)
	@echo "== fuzz-sql: $(DURATION), SEED=$(SEED)"
	@$(GO) test -count=1 -timeout 0 ./tests/fuzz -duration $(DURATION) -seed $(SEED)

DIR ?= tests/slt/testdata
slt: deps ## run the sqllogictest files (*.test) below DIR against local tables, beside PostgreSQL
	@echo "== slt: $(DIR)"
	@$(GO) test -count=1 -v -timeout 60m ./tests/slt -dir $(abspath $(DIR)) $(if $(filter $(abspath tests/slt/testdata),$(abspath $(DIR))),,-strict=false) | grep -vE '^(=== |    --- PASS)'; exit $${PIPESTATUS[0]}

lint: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) ## run the linters
	@echo "== lint: golangci-lint $(GOLANGCI_VERSION)"
	@.ci/progress "linting" $< run --allow-parallel-runners ./...

$(BIN)/golangci-lint-$(GOLANGCI_VERSION):
	@echo "== lint: building golangci-lint $(GOLANGCI_VERSION) (once, a few minutes)"
	@mkdir -p $(BIN)
	@.ci/progress "compiling" env GOBIN=$(CURDIR)/$(BIN) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

vuln: ## look up known vulnerabilities of the dependencies
	@echo "== vuln: govulncheck $(GOVULNCHECK_VERSION)"
	@.ci/vuln $(GOVULNCHECK_VERSION)

# Measurements beside other systems. What they generate, load and fetch stays below
# BENCH_DIR (default bin/bench). WRITE=1 puts the tables into docs/performance.md.
SF   ?= 1
ROWS ?= 10000000
BENCH = $(BIN)/benchmark
# Flags from variables that are set: RUNS=5 gives -runs 5.
flag = $(if $(2),-$(1) $(2))
BENCH_FLAGS = $(call flag,runs,$(RUNS)) $(call flag,queries,$(QUERIES)) $(if $(WRITE),-write) $(ARGS)

.PHONY: bench-all bench-tpch bench-memory bench-growth bench-clickbench bench-federation bench-wire bench-fair bench-op bench-program

bench-program: build deps
	@$(GO) build -o $(BENCH) ./tests/bench

bench-tpch: bench-program ## TPC-H beside DuckDB and PostgreSQL; SF, RUNS, QUERIES=1,6, MEMORY=128MB, PROFILE=dir, GROWTH=0.1,1,3
	@$(BENCH) tpch -sf $(SF) $(call flag,memory,$(MEMORY)) $(call flag,profile,$(PROFILE)) $(call flag,growth,$(GROWTH)) $(BENCH_FLAGS)

bench-memory: bench-program ## TPC-H with 128 MB for each query; SF, RUNS, QUERIES, MEMORY
	@$(BENCH) tpch -sf $(SF) -memory $${MEMORY:-128MB} $(BENCH_FLAGS)

bench-growth: bench-program ## TPC-H at three scale factors; RUNS, QUERIES, GROWTH
	@$(BENCH) tpch -growth $${GROWTH:-0.1,1,3} $(BENCH_FLAGS)

bench-clickbench: bench-program ## 20 queries over a wide table beside DuckDB; ROWS, RUNS, QUERIES, PROFILE=dir
	@$(BENCH) clickbench -rows $(ROWS) $(call flag,profile,$(PROFILE)) $(BENCH_FLAGS)

bench-federation: bench-program ## federated TPC-H beside PostgreSQL with wrappers; SF, RUNS, QUERIES, PROFILE=dir
	@.ci/deps postgresql-15-mysql-fdw
	@$(BENCH) federation -sf $(SF) $(call flag,profile,$(PROFILE)) $(BENCH_FLAGS)

bench-wire: bench-program ## large answers, SELECT 1 and planning beside PostgreSQL; SF, RUNS
	@$(BENCH) wire -sf $(SF) $(BENCH_FLAGS)

bench-fair: bench-program ## a query of 20 ms beside 64 large ones; SF, RUNS
	@$(BENCH) fair -sf $(SF) $(BENCH_FLAGS)

bench-op: bench-program ## single operators on one processor beside the stored baseline; SAVE=1 stores a new one, DUCKDB=1 measures DuckDB
	@$(BENCH) op $(if $(SAVE),-save) $(if $(DUCKDB),-duckdb) $(BENCH_FLAGS)

bench-all: ## everything above, into docs/performance.md
	@failed=; for target in bench-op bench-tpch bench-memory bench-growth bench-clickbench bench-wire bench-fair bench-federation; do \
	  echo "== $$target"; $(MAKE) --no-print-directory $$target WRITE=1 || failed="$$failed $$target"; \
	done; test -z "$$failed" || { echo "== failed:$$failed"; exit 1; }

clean: ## remove what the targets above made
	rm -rf $(BIN)
