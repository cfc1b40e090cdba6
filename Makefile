# What a newcomer needs is Python 3.11 or later and make; the rest is installed on first use.
# `make contracts` and `make check` need Node.js with npm as well.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
STEPS ?= 200000
SEEDS ?= 20000
# Two files at a time keep two cores busy; a file stays on one worker, for its fixtures.
PYTEST ?= -q -n auto --dist loadfile

BIN := $(VENV)/bin
NPM := contracts/node_modules
FORGE := $(NPM)/@foundry-rs/forge-linux-amd64/bin/forge
SOLHINT := $(NPM)/.bin/solhint --noPoster --max-warnings 0
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

KILLS := tests/storage/test_kills.py tests/standby/test_log_contract.py tests/standby/test_understudy.py

.DEFAULT_GOAL := help
.PHONY: help demo test test-anvil twins campaign kills sybils check format contracts native interpreted clean lock
.PHONY: check-text check-types check-contracts check-generated check-meta
.DELETE_ON_ERROR:

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## Run the exchange on this machine, catch a lie (ARGS="--help" for more)
	@$(BIN)/tallystick demo $(ARGS)

test: $(VENV)/.dev ## Run the tests (ARGS="-k words" for some of them)
	$(BIN)/python -m pytest $(PYTEST) $(ARGS)

twins: $(VENV)/.dev ## Run STEPS=200000 steps in both languages, and mutated witnesses; goes on where it stopped
	$(BIN)/python -m tallystick.testing.campaigns.step_campaign --steps $(STEPS) $(ARGS)

campaign: $(VENV)/.dev $(NPM)/.done ## Play SEEDS=20000 random matches over many generations and 2,000 markets (goes on where it stopped), drop each market rule, and run the long tests (needs npm)
	$(BIN)/python -m tallystick.testing.campaigns.match_campaign --seeds $(SEEDS) $(ARGS)
	$(BIN)/python -m tallystick.testing.campaigns.market_campaign
	$(BIN)/python -m tallystick.testing.campaigns.rules_campaign
	TALLYSTICK_FILE_SECONDS=36000 $(BIN)/python -m pytest -q -m campaign tests

kills: $(VENV)/.dev ## Kill an operator's core at 10,000 writes, its log at 20,000, and have 1,000 leaders followed by who stood by
	TALLYSTICK_FILE_SECONDS=36000 $(BIN)/python -m pytest -q -n auto -m campaign --timeout 3600 $(KILLS) $(ARGS)

test-anvil: $(VENV)/.dev $(NPM)/.done ## Play reorganisations and many attackers on anvil too (needs npm)
	TALLYSTICK_FILE_SECONDS=600 $(BIN)/python -m pytest -q -m "anvil and not campaign" tests/anvil $(ARGS)

sybils: $(VENV)/.dev ## Play 1, 8 and 64 attackers at once against one honest party; print what it costs
	$(BIN)/tallystick bench sybils 1 8 64 $(ARGS)

check: check-text check-types check-contracts check-generated check-meta ## Check everything else; writes nothing
	@echo "check: all is well"

format: $(VENV)/.dev $(NPM)/.done ## Lay out the code as make check wants it, and mend what can be mended
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .
	$(FORGE) fmt

check-text: $(VENV)/.dev $(NPM)/.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(FORGE) fmt --check
	find contracts/src -name '*.sol' | xargs -r $(SOLHINT) -c .solhint.json
	find tests/contracts -name '*.sol' | xargs -r $(SOLHINT) -c tests/contracts/.solhint.json

check-types: $(VENV)/.dev $(NPM)/.done
	$(BIN)/mypy
	$(NPM)/.bin/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

check-contracts: $(NPM)/.done
	$(FORGE) build --sizes
	$(FORGE) test

# What is generated must be what its source gives.
check-generated: $(VENV)/.dev $(NPM)/.done
	$(BIN)/python contracts/tools/export_artifacts.py --check
	$(BIN)/python -m tallystick.schema --check

check-meta: $(VENV)/.dev
	$(BIN)/python -m pytest -q tests/meta

contracts: $(VENV)/.run $(NPM)/.done ## Compile the contracts; write artifacts and snapshots
	$(BIN)/python contracts/tools/export_artifacts.py
	node tests/arithmetic/compile.js

native: $(VENV)/.dev ## Compile the machine, in place (needs a C compiler)
	@$(BIN)/python hatch_build.py
	@$(BIN)/tallystick version

interpreted: ## Remove the compiled machine again
	@find shared operator -name '*.so' -delete
	@rm -rf build/native

lock: ## Resolve the Python dependencies anew (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv" >&2; exit 1; }
	$(LOCK) --group build -o requirements.txt
	$(LOCK) --group dev -c requirements.txt -o requirements-dev.all
	{ echo "-r requirements.txt"; awk '$(MORE)' requirements.txt requirements-dev.all; } >requirements-dev.txt
	rm requirements-dev.all

# One file for every Python there is a release of, with hashes and without any host in it.
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

# What the second file names and the first does not: what developing needs is locked on top of what running needs.
MORE := /^[a-zA-Z0-9]/ { keep = !($$1 in had) } NR == FNR { had[$$1]; next } keep

clean: ## Remove everything built or installed here
	rm -rf $(VENV) $(NPM) contracts/out contracts/cache build dist
	find shared -name '*.so' -delete
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: each step happens once, and again when what it reads has changed.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11:" \
			"name a newer one, as in: make PYTHON=python3.12" >&2; exit 1; }
	@echo "making $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment:" \
			"on Debian, apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt pyproject.toml
	@echo "installing what running needs, from requirements.txt"
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements.txt requirements-dev.txt pyproject.toml
	@echo "installing what developing needs, from requirements-dev.txt"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@

$(NPM)/.done: contracts/package.json contracts/package-lock.json
	@command -v npm >/dev/null || { \
		echo "compiling and checking contracts needs Node.js 20 or later, with npm" >&2; exit 1; }
	@echo "installing the contract toolchain, from contracts/package-lock.json"
	@cd contracts && npm ci --ignore-scripts --no-audit --no-fund
	@test -x $(FORGE) || { \
		echo "there is a forge for Linux on x86-64 only: run this there" >&2; exit 1; }
	@touch $@
