# Two commands: `make demo` and `make test`. Needed: Python 3.11 to 3.13 with venv, make, a package index.
#
# torch comes first and pinned: on Linux a plain `torch` brings gigabytes of CUDA libraries. For another build
# (a GPU, or a CPU-only wheel from PyTorch's own index) say so: make demo TORCH="torch==2.13.0 --index-url ..."

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

CHROMIUM = $(shell for c in chromium chromium-browser google-chrome; do command -v $$c; done)

.PHONY: demo test lint bench clean page browser notebooks

demo: $(VENV)/installed page
	$(BIN)/timbrespace demo --force

test: $(VENV)/installed-dev page lint browser
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/installed-dev
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python page/build.py --check

# The page is built by the installation; this builds it again where its source is newer. Without Node.js it says so.
page: $(VENV)/installed
	@$(BIN)/python page/build.py || true

# Tests of the page need a Chromium: the system's, else Playwright's own where it can be had, else they are skipped.
browser: $(VENV)/installed-dev
	@test -n "$(CHROMIUM)" || $(BIN)/playwright install chromium > /dev/null 2>&1 \
	  || echo "There is no Chromium here and none can be fetched: the tests of the page are skipped."

bench: $(VENV)/installed-dev
	$(BIN)/python benchmarks/transforms.py
	$(BIN)/python benchmarks/training.py

notebooks: $(VENV)/installed-dev
	$(BIN)/python docs/notebooks/build.py

$(VENV)/torch:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH)
	@touch $@

$(VENV)/installed: $(VENV)/torch pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) demo runs build dist
