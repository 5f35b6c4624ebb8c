# make demo   compile, simulate and check the examples
# make test   pytest, then lit
# make check  format, lint, types, generated documentation
# make conformance   ONNX's own cases of attention, at three levels
# make fuzz   CASES random attentions on random machines, every level against float64;
#             FILE=build/fuzz/NAME.mlir runs again one that failed
#
# Each sets up .venv first; PYTHON names the interpreter to make it with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
CASES ?= 2000
FILE ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: install demo test pytest lit check conformance fuzz format clean

install: $(STAMP)

# Installed again when the dependencies may have changed; the package itself is a link to this tree.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/python examples/demo.py

test: pytest lit

pytest: install
	$(BIN)/pytest -q -n $(JOBS)

lit: install
	$(BIN)/lit -sv -j $(JOBS) test

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m fa.machine.spec.isa_page --check
	$(BIN)/python bench/attention_costs.py --check
	$(BIN)/python bench/mappings.py --check
	$(BIN)/python docs/mapping/draw.py --check
	$(BIN)/python docs/reference/passes_page.py --check
	$(BIN)/python docs/reference/dialects_page.py --check

conformance: install
	$(BIN)/python bench/onnx_conformance.py

fuzz: install
	FA_FUZZ=$(CASES) FA_FUZZ_FILE=$(FILE) $(BIN)/pytest -q -n $(JOBS) test/fuzz/test_fuzz.py

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis
