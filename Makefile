# What a developer types, and CI types the same.

PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_TOOLS := 7.6.2
PYTEST := $(BIN)/pytest -m "not long"

# Hundreds of processes start in a run: let the second find what the first compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run test test-long bench format check lint-dockerfile openapi lock clean

help:
	@echo "make run         everything set up, then the service with the demo world (PORT=8000, DATA_DIR=var)"
	@echo "make test        everything set up, then every test (some minutes)"
	@echo "make test-long   the tests that take long, too"
	@echo "make bench       service and floor in turn on one database: ratios beside the budgets"
	@echo "make install     .venv from the locked requirements"
	@echo "make format      lay out the code"
	@echo "make check       lint, types, Dockerfile"
	@echo "make openapi     write openapi/openapi.json anew"
	@echo "make lock        resolve the requirements anew (UPGRADE=1 takes newer versions)"

install: $(INSTALLED)

$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Installing the locked requirements into $(VENV) (a minute or two the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(INSTALLED)
	@SHAREDPLAN_LOG_FORMAT=$${SHAREDPLAN_LOG_FORMAT:-console} exec $(BIN)/sharedplan serve --demo --port $(PORT) $(if $(DATA_DIR),--data-dir $(DATA_DIR))

test: $(INSTALLED)
	@$(BIN)/python -m compileall -q src benchmarks
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder

test-long: $(INSTALLED)
	$(BIN)/pytest -m long

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

format: $(INSTALLED)
	$(BIN)/ruff check --fix --quiet src tests benchmarks migrations
	$(BIN)/ruff format src tests benchmarks migrations

check: $(INSTALLED) lint-dockerfile
	$(BIN)/ruff check src tests benchmarks migrations
	$(BIN)/ruff format --check src tests benchmarks migrations
	$(BIN)/mypy

lint-dockerfile: $(INSTALLED)
	@if test -x $(BIN)/hadolint; then $(BIN)/hadolint Dockerfile; else echo "no hadolint for this machine"; fi

openapi: $(INSTALLED)
	$(BIN)/sharedplan openapi > openapi/openapi.json

COMPILE = $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock:
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/pip install --quiet --disable-pip-version-check pip-tools==$(PIP_TOOLS)
	$(COMPILE) --extra build --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	@rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
