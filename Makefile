# Two commands do everything: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
SCENARIO ?= queue_conflict
BIN := $(VENV)/bin

.PHONY: run ui test lint types docs certify clean help

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

run: $(VENV)/installed      ## materialize the whole column of SCENARIO through Dagster and say where the report is
	@$(BIN)/python -m townlet_pipeline.run $(SCENARIO)

ui: $(VENV)/installed       ## open the Dagster UI on the same home; its daemon fires schedules and sensors
	@exec $(BIN)/python -m townlet_pipeline.ui

# Tests of a file stay in one process, which makes what they share once.
test: $(VENV)/installed     ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed     ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/installed    ## static types
	@$(BIN)/mypy

docs: $(VENV)/installed     ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/properdocs build --config-file mkdocs.yml
	@echo site/index.html

certify: $(VENV)/installed  ## the seven commands of the certificate, timed
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/certify.sh

clean:           ## remove the environment and everything generated
	rm -rf $(VENV) site .dagster .dagster-shared runs tmp build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
