# Needs Python 3.11 or newer, git and make. Everything is installed into .venv; nothing else on the machine is touched.
#
#   make demo     the main job on real handwritten digits, about two minutes after installation
#   make test     all tests             make lint     style, types, import rules
#   make clean    remove what the above made, .venv included

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --no-input --quiet -c constraints.txt
PROJECT := pyproject.toml constraints.txt
DEMO ?= demo
SPEND ?= 90s
WORKERS ?= 2

.DELETE_ON_ERROR:
.PHONY: demo test lint clean constraints

# One thread: networks as small as these gain nothing from more, and a busy machine would make them wait for each other.
demo: .venv/demo.stamp
	@mkdir -p $(DEMO)
	OMP_NUM_THREADS=1 $(BIN)/nasmyth design digits --under 'params<=10k' --spend $(SPEND) -o $(DEMO)/digits.db > $(DEMO)/digits.txt
	@$(BIN)/nasmyth show $(DEMO)/digits.db --html $(DEMO)/report.html > /dev/null
	@$(BIN)/nasmyth export $(DEMO)/digits.db#best $(DEMO)/digits.onnx > /dev/null
	@$(BIN)/nasmyth export $(DEMO)/digits.db#best $(DEMO)/digits.py > /dev/null
	@cat $(DEMO)/digits.txt
	@echo
	@echo "the study     $(DEMO)/digits.db      everything that was found; run this again to see it, or go on with SPEND=5m"
	@echo "the report    $(DEMO)/report.html    open it in a browser"
	@echo "the network   $(DEMO)/digits.onnx    for ONNX Runtime"
	@echo "              $(DEMO)/digits.py      the same as PyTorch source, its weights in digits.safetensors"

test: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: .venv/dev.stamp
	@failed=; for check in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	    echo "$$check"; $(BIN)/$$check || failed="$$failed, $$check"; \
	done; if [ -n "$$failed" ]; then echo "failed:$${failed#,}"; exit 1; fi

# A stamp says that what it depends on has been installed: run again, nothing is installed twice.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "no python3 found: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo.stamp: .venv/bin/python $(PROJECT)
	$(PIP) setuptools
	$(PIP) --no-build-isolation -e '.[data,onnx]'
	@touch $@

.venv/dev.stamp: .venv/bin/python $(PROJECT)
	$(PIP) setuptools
	$(PIP) --no-build-isolation -e '.[dev]'
	@touch $@ .venv/demo.stamp

clean:
	rm -rf .venv $(DEMO) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest versions that go together, written to constraints.txt. Keeps the version of torch, which is chosen by hand.
constraints:
	rm -rf .venv-new && $(PYTHON) -m venv .venv-new
	.venv-new/bin/pip install --quiet --no-input setuptools "$$(grep '^torch==' constraints.txt)"
	.venv-new/bin/pip install --quiet --no-input --no-build-isolation '.[dev]' "$$(grep '^torch==' constraints.txt)"
	{ grep '^#' constraints.txt; .venv-new/bin/pip list --format=freeze --exclude nasmyth --exclude pip | sed 's/+.*//' | LC_ALL=C sort -f; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-new
