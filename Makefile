# Everything runs in .venv, which is made once from requirements.lock; see docs/operations.md for how that is renewed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
APT := tests/apt.txt

.PHONY: help demo test serve bench check nightly packages clean

help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(STAMP) ## run the main job on real input and verify what came out
	@$(BIN)/gateway demo

serve: $(STAMP) ## serve a new gateway with demo people
	@$(BIN)/gateway demo --serve

test: $(STAMP) packages ## run the whole suite
	@$(BIN)/python -m pytest -n auto $(PYTEST)

nightly: $(STAMP) packages ## run the suite with what is too slow for every push, FUZZ_S seconds for each parser
	@CRASH_KILLS=$${CRASH_KILLS:-300} $(BIN)/python -m pytest -n auto -m "nightly or not nightly" $(PYTEST)
	@$(BIN)/python -m bench.soak

check: $(STAMP) ## format, lint, types, imports, policies
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/gateway policy lint
	@$(BIN)/gateway policy test

bench: $(STAMP) ## measure, beside the baselines, in one run
	@missed=(); \
	for one in restart stream upload unit tables sheets photo documents proofs risk commitments log; do $(BIN)/python -m bench.$$one || missed+=("$$one"); done; \
	if [ "$${#missed[@]}" -ne 0 ]; then echo "below a floor: $${missed[*]}; see docs/benchmarks.md" >&2; exit 1; fi

packages: ## install the Debian packages that the tests need, or say which are missing
	@missing=(); \
	for package in $$(grep -vE '^[[:space:]]*(#|$$)' $(APT)); do \
	  if ! dpkg -s "$$package" >/dev/null 2>&1; then missing+=("$$package"); fi; \
	done; \
	if [ "$${#missing[@]}" -eq 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $${missing[*]}"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get install -y --no-install-recommends "$${missing[@]}" >/dev/null 2>&1 \
	    || { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$${missing[@]}" >/dev/null; } \
	    || echo "Could not install: $${missing[*]}; tests that need them are skipped." >&2; \
	else \
	  echo "Missing packages: $${missing[*]}; install them, or tests that need them are skipped." >&2; \
	fi

$(STAMP): requirements.lock pyproject.toml
	@for candidate in python3.13 python3.12 python3.11 python3; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	      >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "No Python 3.11, 3.12 or 3.13 with venv was found; install one (Debian: apt install python3 python3-venv)." >&2; \
	  exit 5; \
	fi; \
	echo "installing into $(VENV) with $$($$python --version)"; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean: ## remove .venv and what the demo made
	@rm -rf $(VENV) out
