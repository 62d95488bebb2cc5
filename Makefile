# Countersign's commands. `make` alone prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

CARGO_DENY_VERSION := 0.20.2
CARGO_MACHETE_VERSION := 0.9.2
CARGO_MUTANTS_VERSION := 27.1.0
SDK := api/tests/sdk
VENV := $(SDK)/python/.venv
LOAD := $(or $(CARGO_TARGET_DIR),target)/load
# Where `make capacity` and `make hostile` have their Redis.
REDIS_PORT := 6391
BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/countersign
# Which server the suites of the official SDKs test.
COUNTERSIGN_BIN ?= $(abspath $(BINARY))
SUITE := COUNTERSIGN_BIN="$(COUNTERSIGN_BIN)"

.PHONY: help run test test-rust walk sdk sdk-node sdk-node-proxies sdk-browser sdk-python web web-types check fmt lint deny machete load capacity \
  hostile fuzz-http2 full bench bench-instructions bench-overload bench-waiters mutants compositions simulations statements scale kills build tools clean

help: ## Print this list
	@awk -F ':[^#]*## ' '/^[a-z0-9-]+:[^#]*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the server, optimised, as `cargo run --release` does
	cargo run --release --locked

test: tools test-rust walk sdk web ## Install what is missing, and run every test

test-rust: build ## Run the Rust tests alone
	cargo test --workspace --locked

walk: build ## Walk through the README
	$(SUITE) api/tests/readme/walk

sdk: sdk-node sdk-node-proxies sdk-browser sdk-python ## Run the official SDKs' suites alone

sdk-node: build $(SDK)/node_modules/.package-lock.json ## @authsignal/node, and the software device
	cd $(SDK) && $(SUITE) npm run --silent node

sdk-node-proxies: build $(SDK)/node_modules/.package-lock.json ## The same through HAProxy and nginx (60 to 90 s)
	# The longest polls wait for 30 seconds, so they do it beside the first run.
	cd $(SDK) && COUNTERSIGN_THROUGH=haproxy-h1 $(SUITE) npm run --silent node -- proxy/*.test.mjs
	cd $(SDK) && COUNTERSIGN_THROUGH=haproxy-h2 $(SUITE) npm run --silent node
	cd $(SDK) && COUNTERSIGN_THROUGH=nginx $(SUITE) npm run --silent node

sdk-browser: build $(SDK)/node_modules/.package-lock.json ## @authsignal/browser, in headless Chromium
	cd $(SDK) && $(SUITE) npm run --silent browser

web: build $(SDK)/node_modules/.package-lock.json ## The web pages, in headless Chromium; pictures in api/tests/sdk/web/artefacts
	cd $(SDK) && $(SUITE) npm run --silent web

web-types: $(SDK)/node_modules/.package-lock.json ## Write the browser SDK's type declarations anew
	cd $(SDK) && npm run --silent declare

sdk-python: build $(VENV)/.installed ## authsignal, from PyPI
	cd $(SDK)/python && $(SUITE) node ../support/with-server.mjs .venv/bin/python -m pytest

check: fmt lint deny machete ## Check style, lints, licences, sources and unused dependencies

fmt: ## Check that the code is formatted
	cargo fmt --all --check

lint: ## Run clippy, whose warnings are errors
	cargo clippy --workspace --all-targets --locked -- -D warnings

deny: ## Check the dependency tree against deny.toml
	@cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --locked --version $(CARGO_DENY_VERSION)
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

machete: ## Find dependencies that nothing uses
	@cargo machete --version >/dev/null 2>&1 || cargo install cargo-machete --locked --version $(CARGO_MACHETE_VERSION)
	cargo machete

load: ## Put a server under load; the report is in target/load
	cargo build --release --locked -p countersign -p countersign-loadtest
	mkdir -p $(LOAD)
	$(dir $(LOAD))release/countersign-loadtest lifecycle --spawn --rate 200 --time 30s \
	  --json $(LOAD)/report.json --html $(LOAD)/report.html --markdown $(LOAD)/report.md

capacity: tools ## Find out how much a server bears with each store; the report is in target/load (half an hour)
	cargo build --release --locked -p countersign -p countersign-loadtest
	mkdir -p $(LOAD)
	folder=$$(mktemp -d); redis-server --bind 127.0.0.1 --port $(REDIS_PORT) --dir $$folder --appendonly yes --appendfsync always --save "" >/dev/null & \
	  redis=$$!; trap 'kill $$redis; wait $$redis || true; rm -r $$folder' EXIT; sleep 1; kill -0 $$redis; \
	  $(dir $(LOAD))release/countersign-loadtest capacity --spawn --beside sqlite --beside redis://127.0.0.1:$(REDIS_PORT)/0 \
	  --json $(LOAD)/capacity.json --html $(LOAD)/capacity.html --markdown $(LOAD)/capacity.md

hostile: tools ## Abuse a server for a minute in each way with each store, and for 15 s in each pair of ways (two hours)
	cargo build --release --locked -p countersign -p countersign-loadtest
	mkdir -p $(LOAD)
	folder=$$(mktemp -d); redis-server --bind 127.0.0.1 --port $(REDIS_PORT) --dir $$folder --appendonly yes --appendfsync always --save "" >/dev/null & \
	  redis=$$!; trap 'kill $$redis; wait $$redis || true; rm -r $$folder' EXIT; sleep 1; kill -0 $$redis; failed=0; \
	  $(dir $(LOAD))release/countersign-loadtest hostile --store sqlite --store redis://127.0.0.1:$(REDIS_PORT)/0 \
	  --json $(LOAD)/hostile.json || failed=1; \
	  $(dir $(LOAD))release/countersign-loadtest hostile --pairs --json $(LOAD)/hostile-pairs.json || failed=1; exit $$failed

bench: ## Run the benchmarks
	cargo bench --locked -p countersign-benches
	cargo run --locked --release -p countersign-benches --bin cost

bench-instructions: ## Count the instructions of the hottest steps, with the Debian package valgrind
	cargo run --locked --release -p countersign-benches --bin instructions

bench-overload: ## Offer ten times as many sign-ins as the server can take, on two cores
	cargo run --locked --release -p countersign-benches --bin overload

bench-waiters: ## From a decision to the waiting browser's first byte, with 10 and with 10,000 parked, on two cores
	cargo run --locked --release -p countersign-benches --bin waiters

mutants: ## Break the core's rules one by one, and print what no test notices
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked --version $(CARGO_MUTANTS_VERSION)
	# The model and the statements try the mutants alone that the quick tests let live.
	cargo mutants --package countersign-core -- --lib || true
	cargo mutants --iterate --package countersign-core -- --lib --test model --test statements

compositions: ## Check a million random mixtures of signatures, alone and in batches
	COUNTERSIGN_COMPOSITIONS=1000000 cargo test --locked --release -p countersign-core --test signatures compositions

statements: ## Change 100,000 statements in every field, and look whether one is accepted
	COUNTERSIGN_STATEMENTS=100000 cargo test --release --locked -p countersign-core --test statements

simulations: ## Live 100,000 simulated runs of many nodes over one Redis, a quarter with each kind of Redis
	COUNTERSIGN_SIMULATIONS=25000 cargo test --locked --release -p countersign-core --test cluster

scale: ## Start on a million devices and pending challenges, on SQLite and on Redis (half an hour, 8 GB of memory)
	COUNTERSIGN_SEEDED=1000000 COUNTERSIGN_TURNS=40 cargo test --locked --release -p countersign --test kill seeded -- --nocapture --test-threads 1
	COUNTERSIGN_CONVERTED=1000000 cargo test --locked --release -p countersign-engine --lib large_file -- --nocapture

kills: ## Kill the server 200 times on SQLite and 100 on Redis, and with answers before the record; pause Redis for 30 s
	COUNTERSIGN_KILLS=200 COUNTERSIGN_KILLS_REDIS=100 COUNTERSIGN_KILLS_ASYNC=50 COUNTERSIGN_RESTARTS=50 \
	  COUNTERSIGN_CONVERSIONS=50 cargo test --locked -p countersign --test kill kill -- --nocapture --test-threads 1
	COUNTERSIGN_PAUSE_SECONDS=30 cargo test --locked -p countersign --test kill outages

fuzz-http2: ## Send a million generated sequences of HTTP/2 frames to both listeners
	COUNTERSIGN_FUZZ_SEQUENCES=1000000 cargo test --locked --release -p countersign --test fuzz_http2 -- --nocapture

full: kills scale simulations compositions statements mutants fuzz-http2 hostile ## Run every long test, one after the other (half a day)

build: ## Build everything, with debug assertions
	cargo build --workspace --locked

tools: ## Install the Debian packages that the tests need and this machine lacks
	@$(SDK)/install-tools

clean: ## Remove what the suites have installed
	rm -rf $(SDK)/node_modules $(VENV)

$(SDK)/node_modules/.package-lock.json: $(SDK)/package.json $(SDK)/package-lock.json | tools
	cd $(SDK) && npm ci
	@touch $@

$(VENV)/.installed: $(SDK)/python/requirements.txt | tools
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
