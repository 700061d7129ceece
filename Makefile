# `make demo` shows the product, `make test` runs everything CI runs. Both install what they need into .venv.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format unit bench-gateway clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.test  ## make .venv with everything, for working on the project

demo: $(VENV)/.run  ## the example company: ingest, ask, serve (ARGS=--once ends after the answers)
	@$(BIN)/steadyhand demo $(ARGS)

test: lint unit  ## format, lint, strict types, import contract, tests: everything CI runs

lint: $(VENV)/.test  ## format, lint, strict types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.test  ## the tests alone (ARGS are pytest's)
	$(BIN)/python -m pytest $(ARGS)

format: $(VENV)/.test  ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-gateway: $(VENV)/.run  ## what the gateway costs beside nginx, where that is installed, and a bare pass-through
	@$(BIN)/python bench/gateway/run.py $(ARGS)

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Steadyhand needs Python 3.11 or newer; found " + sys.version.split()[0])'
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Steadyhand"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	@echo "Installing what tests need"
	@$(PIP) install --group test
	@touch $@
