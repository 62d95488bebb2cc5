# Countersign's commands. `make` alone prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

CARGO_DENY_VERSION := 0.20.2
CARGO_MUTANTS_VERSION := 27.1.0
SDK := api/tests/sdk
VENV := $(SDK)/python/.venv
BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/countersign
# Which server the suites of the official SDKs test.
COUNTERSIGN_BIN ?= $(abspath $(BINARY))
SUITE := COUNTERSIGN_BIN="$(COUNTERSIGN_BIN)"

.PHONY: help run test test-rust walk sdk sdk-node sdk-browser sdk-python web web-types check fmt lint deny bench bench-instructions bench-overload mutants \
  compositions statements build tools clean

help: ## Print this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the server, optimised, as `cargo run --release` does
	cargo run --release --locked

test: tools test-rust walk sdk web ## Install what is missing, and run every test

test-rust: build ## Run the Rust tests alone
	cargo test --workspace --locked

walk: build ## Walk through the README
	$(SUITE) api/tests/readme/walk

sdk: sdk-node sdk-browser sdk-python ## Run the official SDKs' suites alone

sdk-node: build $(SDK)/node_modules/.package-lock.json ## @authsignal/node, and the software device
	cd $(SDK) && $(SUITE) npm run --silent node

sdk-browser: build $(SDK)/node_modules/.package-lock.json ## @authsignal/browser, in headless Chromium
	cd $(SDK) && $(SUITE) npm run --silent browser

web: build $(SDK)/node_modules/.package-lock.json ## The web pages, in headless Chromium; pictures in api/tests/sdk/web/artefacts
	cd $(SDK) && $(SUITE) npm run --silent web

web-types: $(SDK)/node_modules/.package-lock.json ## Write the browser SDK's type declarations anew
	cd $(SDK) && npm run --silent declare

sdk-python: build $(VENV)/.installed ## authsignal, from PyPI
	cd $(SDK)/python && $(SUITE) node ../support/with-server.mjs .venv/bin/python -m pytest

check: fmt lint deny ## Check style, lints, licences and sources

fmt: ## Check that the code is formatted
	cargo fmt --all --check

lint: ## Run clippy, whose warnings are errors
	cargo clippy --workspace --all-targets --locked -- -D warnings

deny: ## Check the dependency tree against deny.toml
	@cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --locked --version $(CARGO_DENY_VERSION)
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

bench: ## Run the benchmarks
	cargo bench --locked -p countersign-benches
	cargo run --locked --release -p countersign-benches --bin cost

bench-instructions: ## Count the instructions of the hottest steps, with the Debian package valgrind
	cargo run --locked --release -p countersign-benches --bin instructions

bench-overload: ## Offer ten times as many sign-ins as the server can take, on two cores
	cargo run --locked --release -p countersign-benches --bin overload

mutants: ## Break the core's rules one by one, and print what no test notices
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked --version $(CARGO_MUTANTS_VERSION)
	cargo mutants --package countersign-core -- --lib --test model

compositions: ## Check a million random mixtures of signatures, alone and in batches
	COUNTERSIGN_COMPOSITIONS=1000000 cargo test --locked --release -p countersign-core --test signatures compositions

statements: ## Change 100,000 statements in every field, and look whether one is accepted
	COUNTERSIGN_STATEMENTS=100000 cargo test --release --locked -p countersign-core --test statements

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
