# Everything runs from a virtual environment in .venv, which each target makes and fills as far as it needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
OLDEST := $(VENV)/oldest
comma := ,
# Answers are the same with any number; `make test WORKERS=0` runs the tests in one process.
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test oldest docs lint format types bench figures faults clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/examples ## train on handwritten digits and draw the graphs (prints where the pictures are)
	$(BIN)/python -m examples.digits

test: $(STAMPS)/examples-test ## run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

oldest: $(OLDEST)/stamp ## run the test suite with the oldest NumPy and SciPy that setup.cfg allows (Python 3.11 or 3.12)
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) --dist loadgroup

docs: $(STAMPS)/docs ## build the documentation (prints where); FAST=1 has the examples make small runs
	$(BIN)/python -m docs $(if $(FAST),--fast)

lint: $(STAMPS)/lint ## check style and layout
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(STAMPS)/lint ## fix style and layout where a program can
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

types: $(STAMPS)/lint ## check the type hints
	$(BIN)/python -m mypy

bench: $(STAMPS)/run ## time the engine; AGAINST=PYTHON names an interpreter that has PyTorch and the like
	$(BIN)/python -m benchmarks $(if $(AGAINST),--against $(AGAINST))

figures: $(STAMPS)/examples ## measure what the README says of speed, and write it there (needs AGAINST=PYTHON)
	@mkdir -p out
	$(BIN)/python -m benchmarks compiled memory deep-1000000 import-engine --against $(AGAINST) \
	    --json out/figures.json --markdown README.md --plot docs/speed.svg

faults: $(STAMPS)/examples-test ## break derivative rules on purpose and count how many breaks the tests notice
	$(BIN)/python -m tests.faults

clean: ## remove the environment and everything that was generated
	rm -rf $(VENV) build dist out docs/_build docs/_made docs/api docs/gallery *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp named by extras, "examples-test", says that they are installed as setup.cfg lists them now.
$(STAMPS)/%: setup.cfg pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --editable '.$(if $(filter-out run,$*),[$(subst -,$(comma),$*)])'
	@mkdir -p $(@D)
	@touch $@

# No NumPy 2.0 was made for Python 3.13: there, and where they cannot be had, this fails.
$(OLDEST)/stamp: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --only-binary numpy,scipy --editable '.[examples,test]' \
	    $$(sed -n 's/^    \(numpy\|scipy\)>=\([0-9.]*\)$$/\1==\2/p' setup.cfg)
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "$(PYTHON) cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
