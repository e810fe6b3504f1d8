# `make` alone prints what there is. Everything runs in .venv, which `setup` makes; nothing is installed elsewhere.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
ARGS ?=

.PHONY: help setup demo up check test bench bench-api bench-peers reference constraints clean

help: ## Print this list
	@printf 'Modelyard: serves machine-learning models and changes them live.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv and install everything, pinned and checked by hash (instant the second time)

$(STAMP): pyproject.toml constraints.txt scripts/setup
	@scripts/setup $(VENV)
	@touch $@

demo: $(STAMP) ## Start Modelyard, change a service live under full load, count the failed requests
	@$(BIN)/python examples/demo/demo.py $(ARGS)

up: $(STAMP) ## Start Modelyard in the foreground (ARGS="--data-dir DIR --port P")
	@$(BIN)/modelyard up $(ARGS)

check: $(STAMP) ## Formatting, lint, types, layers, links of the documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/links.py

test: $(STAMP) ## All tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

reference: $(STAMP) ## Write docs/reference/api.md from the OpenAPI document
	@$(BIN)/python scripts/reference.py

bench: $(STAMP) ## Throughput beside a bare model server and FastAPI, one interleaved run, ratios
	@$(BIN)/python -m benchmarks.throughput $(ARGS)

bench-api: $(STAMP) ## Speed of the API with 1,000 services, and bytes of a change towards the gateway
	@$(BIN)/python -m benchmarks.api_speed $(ARGS)

bench-peers: $(STAMP) ## The same models under seven other model servers and ours; half an hour
	@$(BIN)/python -m benchmarks.peers --docs docs/explanation $(ARGS)
	@$(BIN)/python -m benchmarks.peers.upgrade --docs docs/explanation

constraints: $(STAMP) ## Pin the newest versions anew (constraints.txt, with hashes)
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --extra sklearn --group dev --group bench \
	  --custom-compile-command 'make constraints' pyproject.toml -o constraints.txt

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
