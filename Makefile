# Everything runs from a bare checkout with Python 3.11 or 3.12; the first target makes `.venv`.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
BIN := .venv/bin
READY := .venv/.ready
ROWS ?=
PYTEST_ARGS ?=

.PHONY: demo test check plugins contract up bench docs lock clean

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	# Ours too, as the libraries above: where nothing may write bytecode (PYTHONDONTWRITEBYTECODE), each process would compile it anew.
	$(BIN)/python -m compileall -q framework/headrace
	touch $@

demo: $(READY)  ## the whole life of the reference model, on real data (ROWS=all for every row)
	$(if $(ROWS),ROWS=$(ROWS)) $(BIN)/python examples/demo.py

test: $(READY)  ## every test, with branch coverage
	$(BIN)/python -m coverage erase
	# Whole files, then slow tests one by one; those with a Prefect server one after another, on one of the two.
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not alone" --cov --cov-report= $(PYTEST_ARGS)
	# With nothing beside them: their bounds are in seconds.
	$(BIN)/python -m pytest -m alone --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

check: $(READY)  ## format, lint, types, layers, fast tests
	$(BIN)/ruff format --check framework plugins tests examples flows
	$(BIN)/ruff check framework plugins tests examples flows
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/headrace compile --check
	$(BIN)/python -m pytest -n 2 -m "not slow and not prefect" $(PYTEST_ARGS)

plugins: $(READY)  ## the first-party plugins' own tests, each alone
	for folder in plugins/headrace-*; do (cd $$folder && ../../$(BIN)/python -m pytest -q -p no:cacheprovider $(PYTEST_ARGS)) || exit 1; done

# What a plugin must do with the real thing, which is too heavy to stand beside us: each in an environment of its own.
CONTRACTS := $(patsubst plugins/%/contract/requirements.txt,%,$(wildcard plugins/*/contract/requirements.txt))

.contract/%/.ready: plugins/%/contract/requirements.txt plugins/%/pyproject.toml pyproject.toml | $(READY)
	$(PYTHON) -m venv --clear .contract/$*
	# By plain pip, which takes builds that lie on disk; uv would fetch the registry's.
	$(if $(wildcard plugins/$*/contract/pip.txt),.contract/$*/bin/python -m pip install --quiet --disable-pip-version-check -r plugins/$*/contract/pip.txt)
	$(BIN)/uv pip install --quiet --python .contract/$*/bin/python -r $< -e . -e plugins/$*
	touch $@

contract: $(CONTRACTS:%=.contract/%/.ready)  ## plugins against the real servers and libraries they are for; HEADRACE_UPDATE=1 records transcripts anew
	for name in $(CONTRACTS); do (cd plugins/$$name && ../../.contract/$$name/bin/python -m pytest -q -p no:cacheprovider contract $(PYTEST_ARGS)) || exit 1; done

up: $(READY)  ## Prefect's server, a worker and the model servers
	$(BIN)/headrace up

bench: $(READY)  ## timings, as ratios to the peer on the same work
	for file in tests/bench/bench_*.py tests/bench/statistics/bench_*.py; do $(BIN)/python $$file || exit 1; done

docs: $(READY)  ## the pages as a site, in .headrace/site
	$(BIN)/python framework/docs/reference/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -f framework/mkdocs.yml

lock: $(READY)  ## solve the dependencies anew
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .contract .headrace .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
