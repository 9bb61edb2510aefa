PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
INPUTS := pyproject.toml constraints.txt sentiment/__init__.py

.PHONY: setup demo picture test lint clean

setup: .venv/.base ## .venv with what the pipeline needs to run

demo: .venv/.base ## the whole pipeline on a bundled stream, on the development broker
	$(BIN)/sentiment demo

picture: .venv/.base ## docs/demo.svg, from a run of the demo
	$(BIN)/python -m consumers.demo.picture docs/demo.svg

test: .venv/.dev ## all tests; those on Apache Kafka need KAFKA_HOME, those on labelled data SENTIMENT_DATA
	$(BIN)/python -m pytest -rs --durations 10 --numprocesses 2 --dist worksteal $(TESTS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/.base: .venv/bin/python $(INPUTS)
	$(INSTALL) .
	touch $@

.venv/.dev: .venv/bin/python $(INPUTS)
	$(INSTALL) '.[train,mlflow,dev]'
	touch $@ .venv/.base
