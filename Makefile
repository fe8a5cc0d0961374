# One runner for everything; `make test` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.PHONY: docs run test check unit e2e bench bench-router bench-gateway bench-completion evaluate prove-tests vsix

run: $(VENV)/.run ## See it work: the real server, the built-in model, three suggestions and a chat
	@$(BIN)/python scripts/demo.py

test: check e2e ## Everything, the real editors included

check: $(VENV)/.dev ## Style, types and every test that needs no editor and no model
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n auto -m "not e2e"

unit: $(VENV)/.dev ## The rooms that do no I/O, in a few seconds
	$(BIN)/pytest -q -n auto -m "not e2e" tests/wire tests/completion tests/context tests/router \
		--ignore=tests/context/index --ignore=tests/context/opportunities

e2e: $(VENV)/.dev ## Real editors, real processes, the real built-in model
	@scripts/install-editors.sh >/dev/null
	@scripts/install-services.sh
	@scripts/install-sandbox.sh
	$(BIN)/beastmode models fetch
	$(BIN)/pytest -q -m e2e

bench: $(VENV)/.dev ## Figures beside a bare server on this machine
	$(BIN)/python tests/benchmarks/lsp.py

bench-router: $(VENV)/.dev ## Figures of the router beside SDKs and other routers; installs those into the user's cache
	$(BIN)/python tests/benchmarks/router.py

bench-gateway: $(VENV)/.dev ## Figures of the gateway beside other gateways; installs those into the user's cache
	@PATH="$$(scripts/install-editors.sh --only-node)/bin:$$PATH"; export PATH; $(BIN)/python tests/benchmarks/gateway.py

bench-completion: $(VENV)/.dev ## Figures of completion beside tabby-agent; installs that into the user's cache
	@PATH="$$(scripts/install-editors.sh --only-node)/bin:$$PATH"; export PATH; $(BIN)/python tests/benchmarks/completion.py

evaluate: $(VENV)/.dev ## The engine beside a bare model and without each source of context; takes hours, and goes on
	$(BIN)/python scripts/evaluate.py

prove-tests: $(VENV)/.dev ## Generated tests for five real packages, run and run again; takes about twenty minutes
	$(BIN)/beastmode models fetch
	$(BIN)/python scripts/prove_tests.py

docs: $(VENV)/.docs ## docs/ as a site in site/; dead links and anchors fail
	$(BIN)/zensical build --clean --strict

vsix: $(VENV)/.run ## beastmode.vsix, for VS Code and Cursor
	@PATH="$$(scripts/install-editors.sh --only-node)/bin:$$PATH"; export PATH; npm ci --no-audit --no-fund && npm run package

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages"
	@$(BIN)/pip install --progress-bar on --disable-pip-version-check -e '.[builtin]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[builtin,dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml $(VENV)/.run
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@
