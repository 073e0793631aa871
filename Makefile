# What can be done here. `make help` explains every target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
CONFIG ?= config/quickstart/pbx.yaml
ONLY ?=
SEED ?=
FAST := not interop and not sim and not slow
# Debian packages with phones and tools that the interoperation tests call with.
INTEROP := kamailio sip-tester baresip-core linphone-cli sipsak sox sipvicious tshark nftables iproute2
# A telephone in a browser: Chromium, and npm for JsSIP (it may have come with Node.js itself).
INTEROP += chromium $(if $(shell command -v npm),,nodejs npm)
# The oldest Python supported resolves to versions that suit all newer ones too.
LOCK_PYTHON := 3.11

export SEED

.DEFAULT_GOAL := help
.PHONY: help run demo test check sim theory mutants bench sounds lock clean packages

help: ## This list
	@echo "make TARGET [VARIABLE=value]"; echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-10s %s\n", $$1, $$2}'

run: $(VENV)/run.stamp ## Install into .venv and start the PBX (CONFIG=config/quickstart/pbx.yaml)
	@$(BIN)/pbx run $(CONFIG)

demo: $(VENV)/run.stamp ## Start it with simulated phones that call the sample queues
	@$(BIN)/pbx demo

test: $(VENV)/test.stamp packages ## Everything: checks, fast tests, long ones and simulation, then interoperation
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -n 2 --dist loadfile -m "$(FAST)"
	$(BIN)/pytest -n 2 -m "(sim or slow) and not interop"
	$(BIN)/pytest -m interop

check: $(VENV)/test.stamp ## Style, types and imports (ruff, mypy, pyright, import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

sim: $(VENV)/test.stamp ## Simulated days of a call centre in virtual time (SEED=5 repeats one)
	@$(BIN)/python -m tests.sim

theory: $(VENV)/test.stamp ## The distribution core beside Erlang's formulas, row by row (two minutes)
	@$(BIN)/python -m tests.sim.theory

mutants: $(VENV)/test.stamp ## Seeded bugs: does each rule's test notice those that break it? (the whole matrix)
	@$(BIN)/python -m tests.distribution.mutants

races: $(VENV)/test.stamp ## A thousand orders of each pair of messages that may cross (an hour)
	@RACES=1000 $(BIN)/pytest -n 2 -q tests/exchange/test_races.py tests/exchange/test_races_transfers.py

browsers: $(VENV)/test.stamp packages ## A hundred calls from and to a browser, while a stranger interferes
	BROWSER_CALLS=100 $(BIN)/pytest -q tests/interop/test_browser.py -k many_calls

bench: $(VENV)/test.stamp ## Measure (ONLY=relay for one of them)
	$(BIN)/python -m benchmarks $(ONLY)

sounds: ## Make the prompts and the hold music anew (nobody needs it to run the PBX)
	$(PYTHON) sounds/make.py

lock: $(VENV)/test.stamp ## Choose the exact versions of all dependencies anew (requirements*.lock)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != tuple(map(int, "$(LOCK_PYTHON)".split("."))))' \
		|| { echo "make lock: .venv must be of Python $(LOCK_PYTHON), the oldest supported: make clean test PYTHON=python$(LOCK_PYTHON)"; exit 1; }
	.ci/lock $(BIN)/python

clean: ## Remove .venv and everything that tools left (var/ with its records stays)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@.ci/debian $(INTEROP) || echo "make test: without these packages their interoperation tests are skipped."

# --- The virtual environment; each stamp is newer than the lock that it was filled from. ---

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version 2>&1); name another: make $(MAKECMDGOALS) PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/debian python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "make: installing into $(VENV) …"
	@$(PIP) install -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/test.stamp: requirements-dev.lock pyproject.toml | $(BIN)/pip
	@echo "make: installing into $(VENV), with the tools of developers …"
	@$(PIP) install -r requirements-dev.lock
	@$(PIP) install --no-deps --editable .
	@touch $@ $(VENV)/run.stamp  # The dev lock holds the other one.
