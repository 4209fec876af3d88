# Two commands do everything: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
SCENARIO ?= queue_conflict
BIN := $(VENV)/bin
DAGSTER_HOME ?= $(CURDIR)/.dagster

.PHONY: run ui test lint types certify clean help

help:            ## show this list
	@grep -E '^[a-z]+: .*##|^[a-z]+: *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/  —/'

# torch comes first and by exact version: a looser request would pull its CUDA build.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Townlet needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); a few minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[pipeline,dev]'
	@touch $@

run ui: export DAGSTER_HOME := $(DAGSTER_HOME)

run: $(VENV)/installed      ## materialize the whole column of SCENARIO through Dagster and say where the report is
	@$(BIN)/python -m townlet_pipeline.run $(SCENARIO)

ui: $(VENV)/installed       ## open the Dagster UI on the same home
	@$(BIN)/python -m townlet_pipeline.home
	@$(BIN)/dagster dev -w workspace.yaml

test: $(VENV)/installed     ## run the tests
	@$(BIN)/python -m pytest

lint: $(VENV)/installed     ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/installed    ## static types
	@$(BIN)/mypy

certify: $(VENV)/installed  ## the seven commands of the certificate, timed
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/certify.sh

clean:           ## remove the environment and everything generated
	rm -rf $(VENV) .dagster runs tmp build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
