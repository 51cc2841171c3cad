# Two commands matter: `make run` and `make test`. Both set up their own virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: run test lint audit bench fuzz soak clean

run: $(VENV)/.installed
	$(BIN)/creneau demo

test: $(VENV)/.test-installed
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.test-installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

# Known faults of what is installed, asked of the package index. The suite has what can be known without it.
audit: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'
	$(BIN)/pip-audit --local --skip-editable --progress-spinner off

bench: $(VENV)/.test-installed
	$(BIN)/python -m tests.benchmark

fuzz: $(VENV)/.test-installed
	$(BIN)/python -m tests.fuzz

soak: $(VENV)/.test-installed
	$(BIN)/python -m tests.soak

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.test-installed: setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@
