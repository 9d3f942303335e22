# Every target sets up what it needs in .venv by itself; nothing has to be installed by hand but Python 3.11 to 3.14.
# PYTHON=/path/to/python chooses the interpreter; ARGS="..." goes to the program that the target runs; ROUNDS=5 is how
# often `make chaos` plays the random histories of one case that `make test` plays once.

PRODUCT := remediation console receiver workers remedy
CODE := $(PRODUCT) sandbox bench chaos tests
PYTEST := .venv/bin/pytest --dist loadfile --no-loadscope-reorder --maxprocesses 6
# Most unit tests need the processor all the time. Others wait half of theirs for processes and networks, so three share
# two cores.
CORES := $(shell getconf _NPROCESSORS_ONLN)
BUSY := --numprocesses $(CORES)
WAITING := --numprocesses $(shell expr \( $(CORES) \* 3 + 1 \) / 2)
ARGS ?=
ROUNDS ?= 5
LOCK := .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --group build --all-extras

FUZZ_LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --group pyproject.toml:fuzz

export PYTHON
unexport PYTHONDONTWRITEBYTECODE # what is compiled, and every test module that pytest rewrites, is kept for the next run

.DEFAULT_GOAL := help
.PHONY: help demo unit test golden pictures coverage matrix check lint types bench chaos site assets dist lock clean setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## play the main job on the embedded server and the sandbox (ARGS=--once ends by itself)
	@scripts/setup.sh runtime
	@.venv/bin/remedy demo $(ARGS)

setup: ## make .venv with everything that tests and checks need
	@scripts/setup.sh dev

unit: setup ## run the unit tests in seconds: no network, no process, properties with fewer examples
	@$(PYTEST) $(BUSY) --quiet --hypothesis-profile quick tests/unit $(ARGS)

test: setup ## run all tests (ARGS="tests/unit -k words" runs some)
	@$(PYTEST) $(WAITING) $(ARGS)

golden: setup ## write anew what commands show on a terminal (tests/integration/golden), to be read before it is committed
	@$(PYTEST) --quiet tests/integration/test_screens.py --write-golden

pictures: setup ## write anew the pictures of the console in docs/console, and whole ones of every page in build/console
	@$(PYTEST) --quiet tests/console/test_console_pages.py -k picture --write-pictures

coverage: setup ## measure which lines and branches the tests run, by room (ARGS=tests/unit measures those alone)
	@$(PYTEST) $(WAITING) --quiet $(addprefix --cov=,$(PRODUCT)) --cov-report= $(if $(ARGS),$(ARGS),tests/unit tests/contract tests/integration)
	@.venv/bin/python scripts/coverage_table.py

matrix: setup ## run the unit and contract tests on every other Python that is taken and that this machine has
	@scripts/matrix.sh

check: lint types ## everything that is looked at without running tests: lint, types, mappings.yaml, the chart, the image, the docs
	@.venv/bin/bandit --quiet --recursive --configfile pyproject.toml $(PRODUCT)
	@.venv/bin/remedy mappings check mappings.yaml
	@.venv/bin/remedy mappings test mappings.tests.yaml --mappings mappings.yaml
	@.venv/bin/python scripts/chart_check.py
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python scripts/docs_site.py
	@if [ -x .venv/bin/hadolint ]; then .venv/bin/hadolint Dockerfile; else echo "hadolint has no wheel for this system"; fi

lint: setup ## style of the code and of YAML, and the import rules: seconds
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/yamllint --strict .

types: setup ## the types of all code
	@.venv/bin/mypy --no-error-summary $(CODE)

bench: setup ## run every measurement of bench/
	@.venv/bin/python -m bench $(ARGS)

chaos: setup ## break everything again and again, and count what was lost or done twice (ARGS=--short takes minutes)
	@scripts/fuzzer.sh
	@.venv/bin/python -m chaos $(ARGS)
	@.venv/bin/pytest tests/worlds tests/integration/test_histories_random.py tests/integration/test_feed_histories_random.py \
	  tests/integration/test_changing_files.py --rounds $(ROUNDS)

site: setup ## build the site of docs/ into build/site
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python scripts/docs_site.py

assets: setup ## write anew what others wrote: scripts and styles of pages, and of their tests (needs npm)
	@.venv/bin/python scripts/vendor_assets.py

dist: setup ## build the wheel and the sdist into dist/, and check that all is in them
	@.venv/bin/python scripts/dist.py

lock: setup ## write both lock files anew from pyproject.toml, keeping pins that still fit (ARGS=--upgrade moves all)
	@$(LOCK) $(ARGS) --group dev --output-file requirements-dev.lock
	@$(LOCK) --constraint requirements-dev.lock --output-file requirements.lock
	@$(FUZZ_LOCK) $(ARGS) --output-file requirements-fuzz.lock

clean: ## remove .venv and every cache (the embedded server's data stays)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
