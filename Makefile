# Two commands do everything: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
SCENARIO ?= queue_conflict
BIN := $(VENV)/bin

.PHONY: run ui test lint types docs docs-serve certify fuzz clean distclean help

help:            ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/  —/'

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) scripts/install.py $(VENV)

run: $(VENV)/installed      ## materialize the whole column of SCENARIO through Dagster and say where the report is
	@$(BIN)/python -m townlet_pipeline.run $(SCENARIO)

ui: $(VENV)/installed       ## open the Dagster UI on the same home; its daemon fires schedules and sensors
	@exec $(BIN)/python -m townlet_pipeline.ui

# Tests of a file stay in one process, which makes what they share once.
test: $(VENV)/installed     ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

fuzz: $(VENV)/installed     ## try files and options that nobody would write, for minutes
	@TOWNLET_FUZZ=1 $(BIN)/python -m pytest tests/foundation/fuzz -n 2

lint: $(VENV)/installed     ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/installed    ## static types
	@$(BIN)/mypy

docs: $(VENV)/installed     ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/properdocs build --config-file mkdocs.yml
	@echo site/index.html

docs-serve: docs            ## serve the site, where its search works, which browsers keep from files
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8000

certify: $(VENV)/installed  ## the seven commands of the certificate, timed
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/certify.sh

clean:           ## remove the environment and caches; runs/ and the instance's history stay
	rm -rf $(VENV) site build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './runs/*' -prune -exec rm -rf {} +

distclean:       ## remove results and history too: runs/, tmp/, .dagster/; asks first, CONFIRM=yes does not
	@if [ "$(CONFIRM)" != yes ]; then \
		printf 'remove every capture, policy, night and the history in runs/, tmp/, .dagster/, .dagster-shared/? [y/N] '; \
		read answer && [ "$$answer" = y ] || { echo 'nothing was removed'; exit 1; }; fi
	@$(MAKE) --no-print-directory clean
	rm -rf runs tmp .dagster .dagster-shared
