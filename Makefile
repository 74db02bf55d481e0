# Everything this repository can do. `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Where cargo builds; set CARGO_TARGET_DIR to build elsewhere.
TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(abspath $(TARGET))
# The lock file is the truth: a build never changes it.
CARGO := cargo
LOCKED := --locked
# Seconds for each fuzz target in `make fuzz`.
FUZZ_SECONDS ?= 30
# More arguments for fluxa in `make run`, for the load in `make bench`, for the runner in `make conformance`.
ARGS ?=

SDK_PYTHON := fluxa/tests/sdk/python
SDK_NODE := fluxa/tests/sdk/node
VENV := $(BIN)/sdk-python
SDK_JUDGE := loadtest/sdk
JUDGE_VENV := $(BIN)/sdk-judge
# `make bench-wire FILTER=`: only what has this in its name.
FILTER ?=
# `make conformance PAIRS=`: without the translated pairs. PAIR_ARGS goes to them alone (--client chat --filter openai …).
PAIRS ?= yes
PAIR_ARGS ?=

.PHONY: help run test unit lint fmt fmt-check doc deny audit sdk sdk-python sdk-node build needs bench bench-scale bench-replicas simulate chaos bench-wire bench-firewall conformance conformance-dlp recorded pairs fuzz clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## build fluxa and start it: with your providers where a *_API_KEY is set or ./fluxa.yaml exists, else as a demo
	$(CARGO) build $(LOCKED) --release -p fluxa
	@if [ -f fluxa.yaml ] || env | grep -E '^[A-Z0-9_]+_API_KEY=.' >/dev/null; then \
	  exec $(BIN)/release/fluxa serve $(ARGS); \
	else \
	  echo "no *_API_KEY variable and no fluxa.yaml: starting the demo, with a provider that echoes"; \
	  exec $(BIN)/release/fluxa demo $(ARGS); \
	fi

test: needs fmt-check lint unit doc deny sdk ## everything CI asks: format, lints, tests, documentation, licences, the official SDKs
	@echo "make test: all of it passed"

# A Postgres for the whole run; its tests make databases of their own, and start a Redis each.
BESIDE_POSTGRES = $(BIN)/debug/fluxa-loadtest postgres --

unit: build ## the Rust tests, the house rules among them; the stories on SQLite and memory, and again on Postgres and Redis
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  set -x; $(BESIDE_POSTGRES) $(CARGO) nextest run $(LOCKED) --workspace --no-fail-fast; \
	  FLUXA_TEST_BACKEND=cluster $(BESIDE_POSTGRES) $(CARGO) nextest run $(LOCKED) -p fluxa --test it --no-fail-fast; \
	else \
	  set -x; $(BESIDE_POSTGRES) $(CARGO) test $(LOCKED) --workspace --all-targets --no-fail-fast; \
	  FLUXA_TEST_BACKEND=cluster $(BESIDE_POSTGRES) $(CARGO) test $(LOCKED) -p fluxa --test it --no-fail-fast; \
	fi
	$(CARGO) test $(LOCKED) --workspace --doc

lint: ## clippy on everything, warnings are errors
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings

fmt: ## format the sources
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all -- --check

doc: ## the documentation of the sources, broken links are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps --document-private-items

# Licences, bans and sources need nothing but the lock file, so this gives the same answer today and in a year.
deny: ## licences, banned crates and sources, where cargo-deny is installed
	@if command -v cargo-deny >/dev/null 2>&1; then \
	  set -x; $(CARGO) deny --log-level error check licenses bans sources; \
	else \
	  echo "cargo-deny is not installed: licences are not checked (cargo install cargo-deny --locked)"; \
	fi

# Not in `make test`: what is known against a crate changes without a change here.
audit: ## known vulnerabilities in what the lock file names (fetches the advisory database)
	$(CARGO) deny check advisories

build: ## the binaries that the stories run against
	$(CARGO) build $(LOCKED) -p fluxa -p fluxa-loadtest

sdk: sdk-python sdk-node ## stories through the official OpenAI and Anthropic SDKs against the real binary

sdk-python: build $(VENV)/.ready
	FLUXA_BIN=$(BIN)/debug/fluxa FLUXA_LOADTEST_BIN=$(BIN)/debug/fluxa-loadtest $(VENV)/bin/python -m pytest -q -p no:cacheprovider $(SDK_PYTHON)

$(VENV)/.ready: $(SDK_PYTHON)/requirements.txt
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r $<
	touch $@

sdk-node: build $(SDK_NODE)/node_modules/.ready
	cd $(SDK_NODE) && FLUXA_BIN=$(BIN)/debug/fluxa FLUXA_LOADTEST_BIN=$(BIN)/debug/fluxa-loadtest npm test --silent

$(SDK_NODE)/node_modules/.ready: $(SDK_NODE)/package-lock.json
	cd $(SDK_NODE) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

needs: ## install what the tests need and this machine lacks (a C compiler, Python's venv, Node)
	@scripts/needs.sh

bench: ## the latency promise beside nginx, measured on this machine against mock vendors (ARGS=--quick for a look, ARGS="--lane cluster")
	@scripts/needs.sh bench
	$(CARGO) build $(LOCKED) --release -p fluxa -p fluxa-loadtest
	$(BIN)/release/fluxa-loadtest bench --fluxa $(BIN)/release/fluxa $(ARGS)

simulate: ## the money protocol in a simulator: STEPS=1000000 steps from SEED=1 on, a failure prints its seed
	SEED=$(or $(SEED),1) STEPS=$(or $(STEPS),1000000) $(CARGO) test $(LOCKED) --release -p fluxa-store --test simulator -- --nocapture every_call

chaos: ## real processes while Redis, Postgres, the vendor and gateways break; an independent checker (ARGS=--only F-01,F-30 --seed 7)
	@scripts/needs.sh
	$(CARGO) build $(LOCKED) --release -p fluxa -p fluxa-loadtest
	$(BIN)/release/fluxa-loadtest chaos --fluxa $(BIN)/release/fluxa $(ARGS)

bench-scale: ## a replica before a million keys: its start, its memory, the first call of a key (ARGS="--keys 20000 --used 500" for a look)
	@scripts/needs.sh bench
	$(CARGO) build $(LOCKED) --release -p fluxa -p fluxa-loadtest
	$(BIN)/release/fluxa-loadtest scale --fluxa $(BIN)/release/fluxa $(ARGS)

bench-replicas: ## 1, 2 and 4 replicas before one Redis: what a call costs each of them (ARGS=--quick for a look)
	@scripts/needs.sh bench
	$(CARGO) build $(LOCKED) --release -p fluxa -p fluxa-loadtest
	$(BIN)/release/fluxa-loadtest replicas --fluxa $(BIN)/release/fluxa $(ARGS)

bench-wire: ## what translating between dialects costs: time, counted instructions, allocations, growth (FILTER=bedrock for some of it)
	@scripts/needs.sh valgrind
	$(CARGO) bench $(LOCKED) -p fluxa-wire --bench translation -- --counted $(FILTER)

bench-firewall: ## what looking for secrets costs: MB/s of benign and hostile texts, streams, hold-back
	$(CARGO) bench $(LOCKED) -p fluxa-firewall --bench scan -- $(ARGS)

conformance-dlp: ## CORPUS=FOLDER: hold the firewall against a folder of secrets and personal data
	@[ -n "$(CORPUS)" ] || { echo "usage: make conformance-dlp CORPUS=FOLDER   (dev, evasion and stream_cases .jsonl.gz)" >&2; exit 2; }
	@[ -d "$(CORPUS)" ] || { echo "make conformance-dlp: no folder \"$(CORPUS)\"" >&2; exit 2; }
	$(CARGO) build $(LOCKED) -p fluxa -p fluxa-loadtest
	$(BIN)/debug/fluxa-conformance --detection --fluxa $(BIN)/debug/fluxa --corpus "$(CORPUS)" $(ARGS)

conformance: ## CORPUS=FOLDER: replay a folder of recorded vendors' traffic through fluxa
	@[ -n "$(CORPUS)" ] || { echo "usage: make conformance CORPUS=FOLDER   (a folder of recordings)" >&2; exit 2; }
	@[ -d "$(CORPUS)" ] || { echo "make conformance: no folder \"$(CORPUS)\"" >&2; exit 2; }
	$(CARGO) build $(LOCKED) -p fluxa -p fluxa-loadtest
	@[ ! -f "$(CORPUS)/index.json" ] || $(MAKE) recorded CORPUS="$(CORPUS)"
	native=0; $(BIN)/debug/fluxa-conformance --fluxa $(BIN)/debug/fluxa --corpus "$(CORPUS)" $(ARGS) || native=$$?; \
	[ -z "$(PAIRS)" ] || $(MAKE) pairs CORPUS="$(CORPUS)" || exit $$?; exit $$native

recorded: ## CORPUS=FOLDER: the readers and writers of `wire` on every recording, at every cut, and AWS's own vectors
	FLUXA_CORPUS="$(abspath $(CORPUS))" $(addprefix FLUXA_AWS_VECTORS=,$(wildcard $(abspath $(CORPUS))/aws)) $(CARGO) test $(LOCKED) -q -p fluxa-wire \
	  --test corpus_anthropic --test corpus_bedrock --test corpus_chat --test corpus_gemini --test aws_vectors --test cuts

pairs: $(JUDGE_VENV)/.ready ## CORPUS=FOLDER: the same recordings asked in every client dialect, through the official SDKs too
	@[ -n "$(CORPUS)" ] || { echo "usage: make pairs CORPUS=FOLDER   (PAIR_ARGS=--client chat --upstream gemini --filter PART --out FILE)" >&2; exit 2; }
	$(CARGO) build $(LOCKED) -p fluxa -p fluxa-loadtest
	$(BIN)/debug/fluxa-conformance --pairs --fluxa $(BIN)/debug/fluxa --corpus "$(CORPUS)" --python $(JUDGE_VENV)/bin/python --script $(SDK_JUDGE)/ask.py $(PAIR_ARGS)

$(JUDGE_VENV)/.ready: $(SDK_JUDGE)/requirements.txt
	python3 -m venv --clear $(JUDGE_VENV)
	$(JUDGE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r $<
	touch $@

fuzz: ## run each fuzz target for FUZZ_SECONDS (needs cargo-fuzz and a nightly toolchain)
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { echo "make fuzz needs: cargo install cargo-fuzz --locked, and a nightly toolchain" >&2; exit 2; }
	@found=; for manifest in */fuzz/Cargo.toml; do \
	  [ -f "$$manifest" ] || continue; \
	  room=$${manifest%/fuzz/Cargo.toml}; \
	  for target in $$(cd "$$room" && $(CARGO) +nightly fuzz list); do \
	    found=1; echo "== $$room: $$target"; \
	    (cd "$$room" && $(CARGO) +nightly fuzz run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048); \
	  done; \
	done; \
	[ -n "$$found" ] || { echo "make fuzz: no */fuzz/Cargo.toml" >&2; exit 1; }

clean: ## remove what was built
	$(CARGO) clean
	rm -rf $(SDK_NODE)/node_modules
