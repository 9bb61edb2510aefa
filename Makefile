PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What the lock files name and nothing else, and of that only files whose hashes they hold.
LOCKED := $(INSTALL) --no-deps --only-binary :all: --require-hashes
PROJECT := $(INSTALL) --no-deps --no-build-isolation --editable .
INPUTS := pyproject.toml $(wildcard requirements/*.txt) sentiment/__init__.py
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock'

RELEASED := SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct) $(BIN)/python -m hatchling build

# Needs labelled rows and pretrained networks, and hours: see training/recipes/model.toml. What is missing is named.
WORK ?= work

.PHONY: setup demo picture model boards bench test lint licences lock clean dist image-test

setup: .venv/.base ## .venv with what the pipeline needs to run

demo: .venv/.base ## the whole pipeline on a bundled stream, on the development broker
	$(BIN)/sentiment demo

picture: .venv/.base ## docs/demo.svg, from a run of the demo
	$(BIN)/python -m consumers.demo.picture docs/demo.svg

model: .venv/.dev ## the models, from rows to card: DATA=… BACKBONE=… SMALL=… WORK=…; run it again to go on
	$(BIN)/sentiment recipe training/recipes/model.toml --work $(WORK) \
		--set data=$(DATA) --set backbone=$(BACKBONE) --set small=$(SMALL)

boards: .venv/.dev ## the Grafana boards in deploy/grafana/boards, from deploy/grafana/boards.py
	$(BIN)/python deploy/grafana/boards.py

bench: .venv/.dev ## speed beside what a user would write; needs an idle machine: BENCH=--busy-anyway runs it on any
	$(BIN)/python -m benchmarks.speed $(BENCH)

test: .venv/.dev ## all tests; those on Apache Kafka need KAFKA_HOME, those on labelled data SENTIMENT_DATA
	$(BIN)/python -m pytest -rs --durations 10 --numprocesses 2 --dist worksteal $(TESTS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

licences: .venv/.dev ## of every package that is locked; fails on one that is not accepted
	$(BIN)/python requirements/licences.py

lock: .venv/bin/python ## requirements/, from pyproject.toml; versions stay where they can: UPGRADE=--upgrade raises them
	$(INSTALL) uv==0.13.9
	$(COMPILE) $(UPGRADE) --all-extras --no-emit-package torch -o requirements/dev.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt -o requirements/base.txt pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		| $(COMPILE) --constraint requirements/dev.txt -o requirements/build.txt -

dist: .venv/.base ## dist/: wheel and sdist, the same bytes for the same commit, and the list of what the pipeline is made of
	rm -rf dist build/again
	$(RELEASED) -d dist
	$(RELEASED) -d build/again
	for file in dist/*; do cmp $$file build/again/$${file##*/} || exit 1; done
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --disable-pip-version-check twine==7.0.0 cyclonedx-bom==7.5.0
	build/release/bin/twine check --strict dist/*
	build/release/bin/cyclonedx-py requirements requirements/base.txt --pyproject pyproject.toml -o dist/sentiment.cdx.json

image-test: ## build the image and run the demo in it: as root, on Debian, with buildah and debootstrap; takes minutes
	deploy/docker/try.sh

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "Python 3.11 to 3.14 is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/.base: .venv/bin/python $(INPUTS)
	$(LOCKED) --requirement requirements/base.txt --requirement requirements/build.txt
	$(PROJECT)
	$(BIN)/python -m pip check
	touch $@

.venv/.dev: .venv/bin/python $(INPUTS)
	$(LOCKED) --requirement requirements/dev.txt
	$(INSTALL) --requirement requirements/torch.txt
	$(PROJECT)
	$(BIN)/python -m pip check
	touch $@ .venv/.base
