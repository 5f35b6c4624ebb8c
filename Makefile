# make demo   compile, simulate and check the examples
# make test   pytest, then lit; FA_CONFORMANCE=FOLDER replays all recordings of the reference machine
#             there, in place of the selection that travels with the tests
# make test-xdsl   what leans on xDSL (dialects, passes, lowering, frontends, tools) on the version
#             XDSL, in an environment of its own under build/
# make check  format, lint, types, generated documentation
# make conformance   ONNX's own cases of attention, at three levels
# make fuzz   CASES random attentions on random machines, every level against float64; and as
#             their share laws, chains, ONNX models, changed texts, programs in both engines;
#             FILE=build/fuzz/NAME.mlir runs again one that failed
#
# Each sets up .venv first; PYTHON names the interpreter to make it with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
CASES ?= 2000
XDSL ?= 0.74.0
XDSL_VENV := build/xdsl-$(XDSL)
XDSL_BIN := $(XDSL_VENV)/bin
# Where versions of xDSL can differ, in little time: the parser, printer and verifier by lit and by
# the tests of dialects, frontends and tools, the interpreter by those of variants, rewriting by
# those of each pass and of register allocation.
XDSL_TESTS := test/dialects test/tools test/frontends test/passes/placement test/passes/tensors \
  test/passes/storage test/passes/support test/passes/mapping/test_variants.py \
  test/lowering/test_assembly.py test/lowering/test_refusals.py test/lowering/registers \
  test/lowering/emit test/lowering/hbm/test_constant_tensors.py \
  test/lowering/cleanup/test_limit_loops.py
XDSL_LEAVES_OUT := random or mutant or long_kernel or conformance
FILE ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: install demo test pytest lit test-xdsl check conformance fuzz format clean

install: $(STAMP)

# Installed again when the dependencies may have changed, or the C sources, which are built then where
# there is a compiler; the rest of the package is a link to this tree.
$(STAMP): pyproject.toml setup.py $(wildcard machine/simulator/native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/python examples/demo.py

test: pytest lit

pytest: install
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal

lit: install
	$(BIN)/lit -sv -j $(JOBS) test

test-xdsl: $(XDSL_VENV)/.installed
	$(XDSL_BIN)/pytest -q -n $(JOBS) --dist worksteal -k 'not ($(XDSL_LEAVES_OUT))' $(XDSL_TESTS)
	PATH="$(CURDIR)/$(XDSL_BIN):$$PATH" $(XDSL_BIN)/lit -sv -j $(JOBS) test

$(XDSL_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(XDSL_VENV)
	$(XDSL_BIN)/python -m pip install --quiet --editable '.[test]' xdsl==$(XDSL)
	@touch $@

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m fa.machine.spec.isa_page --check
	$(BIN)/python bench/attention_costs.py --check
	$(BIN)/python bench/mappings.py --check
	$(BIN)/python bench/model_configs.py --check
	$(BIN)/python docs/mapping/draw.py --check
	$(BIN)/python docs/reference/passes_page.py --check
	$(BIN)/python docs/reference/dialects_page.py --check

conformance: install
	$(BIN)/python bench/onnx_conformance.py

fuzz: install
	FA_FUZZ=$(CASES) FA_FUZZ_FILE=$(FILE) $(BIN)/pytest -q -n $(JOBS) \
	  $(if $(FILE),test/fuzz/test_fuzz.py,test/fuzz test/machine/simulator/test_engines.py)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis
