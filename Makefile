# Two commands: `make demo` opens the app, `make test` runs every check. Each sets up what it needs first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8501
JOBS   ?= $(shell $(PYTHON) -c 'import os; print(min(5, (os.cpu_count() or 1) + 1))')

.DEFAULT_GOAL := help
.PHONY: help demo test lint js types unit e2e rerun fuzz bench pages load clean

help:  ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(VENV)/.run  ## set up and open the app
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: lint types unit  ## set up and run all checks: lint, types, tests (the real browser too)

lint: $(VENV)/.dev  ## ruff (lint, format), import-linter (which folder may import which); with npm, Biome too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then $(MAKE) js; else echo "No npm: the JavaScript and CSS go unchecked, but in CI."; fi

js: node_modules/.package-lock.json  ## Biome: lint and format of the JavaScript and CSS in ui/
	npm run --silent check

types: $(VENV)/.dev  ## mypy
	$(BIN)/mypy

unit: $(VENV)/.dev  ## pytest, doctests and browser tests, with the coverage of fcnviz and ui
	$(BIN)/python -m slipcover -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

e2e: $(VENV)/.dev  ## only the tests in a real browser
	$(BIN)/pytest -m e2e tests/e2e

rerun: $(VENV)/.dev  ## the trainings behind the bundled weights, for 2 % of their length (minutes)
	$(BIN)/pytest -m rerun tests/system/test_rerun.py

fuzz: $(VENV)/.dev  ## hostile uploads and links, twenty times as many as in the tests; new examples for every property
	FCNVIZ_FUZZ=20 $(BIN)/pytest tests/system/test_fuzz.py
	FCNVIZ_FUZZ=1 $(BIN)/pytest -m hypothesis --ignore tests/system/test_fuzz.py

bench: $(VENV)/.run  ## time the networks on this machine
	$(BIN)/python -m fcnviz bench

pages: $(VENV)/.dev  ## what opening and changing pages costs the server, in multiples of one FCN-8s run
	$(BIN)/python -m tests.system.pages

load: $(VENV)/.dev  ## 50 visitors at once for 3 minutes, on loopback
	$(BIN)/python -m tests.system.load

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: set PYTHON=python3.12, say")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -r requirements-dev.txt
	@touch $(VENV)/.run $@

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --silent
