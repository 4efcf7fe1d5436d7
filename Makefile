# Everything is installed into .venv and node_modules of this checkout.
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
export PYTHONPATH := src
TEST_ENV := DJANGO_SETTINGS_MODULE=gridtill.config.settings_test

.PHONY: help setup check test bench demo demo-stop reset lock assets messages format

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: .venv/stamp node_modules/stamp messages ## Install what is missing

.venv/stamp: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing; install Debian's python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node_modules/stamp: package.json package-lock.json tools/build_assets.mjs
	@npm ci --no-audit --no-fund --loglevel=error
	@npm run --silent build
	@touch $@

assets: ## Build the browser assets again
	@npm run --silent build

messages: .venv/stamp ## Compile the translations
	@if command -v msgfmt >/dev/null 2>&1; then for po in $$(find src/gridtill/locale -name '*.po' 2>/dev/null); do msgfmt -o $${po%.po}.mo $$po; done; fi

check: setup ## Style, layers, types, migrations and house rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check -q
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(TEST_ENV) $(BIN)/python -m django check
	@$(TEST_ENV) $(BIN)/python -m django makemigrations --check --dry-run
	@$(BIN)/python -m pytest tests/tidy -q

test: ## Install what is missing, then every check and test on both databases
	@tools/install_debian.sh
	@$(MAKE) --no-print-directory check
	@$(BIN)/python tools/run_both.py
	@$(BIN)/python tools/check_coverage.py

bench: setup ## Measure, in ratios, on this machine
	@$(BIN)/python tools/bench_sts.py
	@tools/install_debian.sh
	@for part in sale http volume; do $(BIN)/python tools/with_postgres.py --durable -- $(BIN)/python tools/bench_$$part.py || exit 1; done

demo: setup ## Serve a demonstration utility at http://127.0.0.1:$(PORT)
	@PORT=$(PORT) DEMO_DETACH=$(DEMO_DETACH) tools/demo.sh start

demo-stop: ## End a demonstration that runs in the background
	@tools/demo.sh stop

reset: ## Forget the demonstration
	@tools/demo.sh reset

lock: ## Resolve the requirements again and write them with hashes
	@$(BIN)/pip-compile -q --extra server --extra pkcs11 --extra dev --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header --strip-extras --allow-unsafe --annotation-style line -o requirements/dev.txt pyproject.toml

format: ## Write the code in the house's style
	@$(BIN)/ruff check --fix -q; $(BIN)/ruff format -q
