# `make` alone prints what there is. Everything runs in .venv, which `setup` makes; nothing is installed elsewhere.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.installed
TESTS := $(VENV)/.installed-dev
JOBS ?= 2
ARGS ?=
UPGRADE ?= --upgrade
PIN = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
  --python-version 3.11 --custom-compile-command 'make constraints'

.PHONY: help install install-postgresql install-apprise install-parquet setup demo up check test bench bench-logs bench-log-search bench-api bench-door bench-batch bench-peers reference client constraints clean

help: ## Print this list
	@printf 'Modelyard: serves machine-learning models and changes them live.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(RUNS) ## Make .venv and install what running needs, pinned and checked by hash (instant the second time)

install-postgresql: $(RUNS) ## What running on PostgreSQL needs besides, pinned and checked by hash
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --require-hashes --requirements=constraints.txt \
	  --requirements=constraints-postgresql.txt

install-apprise: $(RUNS) ## What notifications to chats and the like need besides, pinned and checked by hash
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --require-hashes --requirements=constraints.txt \
	  --requirements=constraints-apprise.txt

install-parquet: $(RUNS) ## What Parquet in batch services needs besides, pinned and checked by hash
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --require-hashes --requirements=constraints.txt \
	  --requirements=constraints-parquet.txt

setup: $(TESTS) ## What `install` does, what every extra needs, and what tests and checks need

$(RUNS): pyproject.toml constraints.txt scripts/setup
	@scripts/setup $(VENV) constraints.txt
	@touch $@

$(TESTS): pyproject.toml constraints.txt constraints-postgresql.txt constraints-parquet.txt constraints-apprise.txt constraints-dev.txt scripts/setup
	@scripts/setup $(VENV) constraints.txt constraints-postgresql.txt constraints-parquet.txt \
	  constraints-apprise.txt constraints-dev.txt
	@touch $(RUNS) $@

demo: $(RUNS) ## Start Modelyard, change a service live under full load, count the failed requests
	@$(BIN)/python examples/demo/demo.py $(ARGS)

up: $(RUNS) ## Start Modelyard in the foreground (ARGS="--data-dir DIR --port P")
	@$(BIN)/modelyard up $(ARGS)

check: $(TESTS) ## Formatting, lint, types, layers, links of the documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/links.py

test: $(TESTS) ## All tests (ARGS="-k name" for some)
	@scripts/postgresql
	@scripts/docker
	@scripts/prometheus
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

reference: $(TESTS) ## Write docs/reference: api.md from OpenAPI, command-line.md from the commands, metrics.md
	@$(BIN)/python scripts/reference.py

client: $(TESTS) ## Make the blocking client from the one for asyncio
	@$(BIN)/python scripts/twin.py

bench: $(TESTS) ## Throughput beside a bare model server and FastAPI, one interleaved run, ratios
	@$(BIN)/python -m benchmarks.throughput $(ARGS)

bench-logs: $(TESTS) ## What 100,000 lines a second of four instances cost those who call; two minutes
	@$(BIN)/python -m benchmarks.log_speed $(ARGS)

bench-door: $(TESTS) ## What the door of a command costs a request; half a minute
	@$(BIN)/python -m benchmarks.door $(ARGS)

bench-api: $(TESTS) ## Speed of the API with 1,000 services, and bytes of a change towards the gateway
	@$(BIN)/python -m benchmarks.api_speed $(ARGS)

bench-log-search: $(TESTS) ## How fast lines are kept, and found again (ARGS="--gigabytes 10")
	@$(BIN)/python -m benchmarks.logs $(ARGS)

bench-batch: $(TESTS) ## Batch services beside a loop, Ray Data and MLServer's infer, then by size; an hour
	@$(BIN)/python -m benchmarks.batch --docs docs/explanation $(ARGS)
	@$(BIN)/python -m benchmarks.batch --scale --docs docs/explanation

bench-peers: $(TESTS) ## The same models under seven other model servers and ours; half an hour
	@$(BIN)/python -m benchmarks.peers --docs docs/explanation $(ARGS)
	@$(BIN)/python -m benchmarks.peers.upgrade --docs docs/explanation

PINNED = $$(sed -n '/;/!s/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' $(1))

constraints: $(RUNS) ## Pin the newest versions anew, with hashes: for running, what each extra adds, and the rest
	$(PIN) $(UPGRADE) --extra sklearn --group build pyproject.toml -o constraints.txt
	$(PIN) $(UPGRADE) --extra postgresql -c constraints.txt $(call PINNED,constraints.txt) pyproject.toml \
	  -o constraints-postgresql.txt
	$(PIN) $(UPGRADE) --extra parquet -c constraints.txt $(call PINNED,constraints.txt) pyproject.toml \
	  -o constraints-parquet.txt
	$(PIN) $(UPGRADE) --extra apprise -c constraints.txt $(call PINNED,constraints.txt) pyproject.toml \
	  -o constraints-apprise.txt
	$(PIN) $(UPGRADE) --extra sklearn --extra postgresql --extra parquet --extra apprise --group build --group dev --group bench \
	  -c constraints.txt -c constraints-postgresql.txt -c constraints-parquet.txt -c constraints-apprise.txt \
	  $(call PINNED,constraints.txt constraints-postgresql.txt constraints-parquet.txt constraints-apprise.txt) pyproject.toml \
	  -o constraints-dev.txt

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
