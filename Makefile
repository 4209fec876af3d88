# `make run` makes everything, `make test` tests it; `make help` lists all targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
SCENARIO ?= queue_conflict
BIN := $(VENV)/bin

.PHONY: run ui test core lowest newest wheel lint types docs gallery docs-serve certify fuzz clean distclean help

help:            ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/  —/'

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) scripts/install.py $(VENV)

run: $(VENV)/installed      ## make all assets of SCENARIO in Dagster and print where the report is
	@$(BIN)/python -m townlet_pipeline.run $(SCENARIO)

ui: $(VENV)/installed       ## start the Dagster UI, and the daemon behind schedules and sensors
	@exec $(BIN)/python -m townlet_pipeline.ui

# All tests of a file run in one process, so what they share is made once. tests/conftest.py puts the longest first. On two
# cores, the third process computes while a test of the UI waits.
test: $(VENV)/installed     ## run the tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

core: $(VENV)/installed     ## run the core tests, those that stand on libraries, as other Pythons do
	@$(BIN)/python scripts/bounds.py core -n 2 --dist loadfile

lowest:          ## run the core tests with the lowest allowed release of every requirement, in .venv-lowest
	@$(PYTHON) scripts/bounds.py lowest -n 2 --dist loadfile

newest:          ## run the core tests with the newest release of every requirement, in .venv-newest
	@$(PYTHON) scripts/bounds.py newest -n 2 --dist loadfile

wheel:           ## build wheel and sdist into dist/, and use the wheel as a new user does, in an empty folder
	@$(PYTHON) scripts/try_wheel.py

fuzz: $(VENV)/installed     ## feed random files and options to the commands, for minutes
	@TOWNLET_FUZZ=1 $(BIN)/python -m pytest tests/foundation/fuzz -n 2

lint: $(VENV)/installed     ## check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/installed    ## check static types
	@$(BIN)/mypy

docs: $(VENV)/installed     ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/properdocs build --config-file mkdocs.yml
	@echo site/index.html

gallery: $(VENV)/installed  ## draw the pictures of docs/GALLERY.md again
	@for file in configs/scenarios/*.yaml; do \
		$(BIN)/townlet show $$file --png docs/images/scenarios/$$(basename $$file .yaml).png; done

docs-serve: docs            ## serve the site on loopback; its search works only there
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8000

certify: $(VENV)/installed  ## run the certificate (scripts/certify.sh): seven commands from tests to summary, timed
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/certify.sh

clean:           ## remove the environment and caches; keep runs/ and Dagster's history
	rm -rf $(VENV) .venv-lowest .venv-newest site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './runs/*' -prune -exec rm -rf {} +

distclean:       ## also remove results and history (runs/, tmp/, .dagster/); asks first, except with CONFIRM=yes
	@if [ "$(CONFIRM)" != yes ]; then \
		printf 'remove every capture, policy and soak, and the history in runs/, tmp/, .dagster/, .dagster-shared/? [y/N] '; \
		read answer && [ "$$answer" = y ] || { echo 'nothing was removed'; exit 1; }; fi
	@$(MAKE) --no-print-directory clean
	rm -rf runs tmp .dagster .dagster-shared
