# Two commands on a fresh machine: `make demo` and `make test`. Each does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
TOOLS := .venv-tools
UV := $(TOOLS)/bin/uv
BIN := .venv/bin
RUN := $(BIN)/python
export PYTHONPATH := layers/lifeline:cli:.
# Tools of the environments call each other (sam calls pip of the project's Python).
export UV_NO_CONFIG := 1

.PHONY: help setup lint sbom audit-dependencies format test unit integration e2e fuzz chaos demo local local-stop build bench dist docs schema requirements clean

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(TOOLS)/.done: requirements/tools.txt
	@echo "==> set-up: tools"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lifeline needs Python >= 3.11; say which: make PYTHON=python3.x")'
	@$(PYTHON) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt 2>&1 | grep -v '^WARNING' || true
	@test -x $(UV) || { echo "the tool uv could not be installed into $(TOOLS); is a package index reachable with pip?"; exit 1; }
	@touch $@

.venv/.done: $(TOOLS)/.done requirements/dev.txt
	@echo "==> set-up: project environment (.venv)"
	@test -x $(RUN) || $(UV) venv --quiet --python "$$($(TOOLS)/bin/python -c 'import sys; print(sys.executable)')" .venv
	@$(UV) pip sync --quiet --compile-bytecode --python $(RUN) --require-hashes requirements/dev.txt
	@$(RUN) -m local.console_script $(BIN)/lifeline
	@$(RUN) -m compileall -q layers/lifeline/lifeline cli/lifeline_cli local
	@touch $@

.venv-sam/.done: $(TOOLS)/.done requirements/sam.txt
	@echo "==> set-up: SAM CLI (.venv-sam)"
	@test -x .venv-sam/bin/python || $(UV) venv --quiet --seed --python "$$($(TOOLS)/bin/python -c 'import sys; print(sys.executable)')" .venv-sam
	@$(UV) pip install --quiet --compile-bytecode --python .venv-sam/bin/python --require-hashes -r requirements/sam.txt
	@touch $@

.venv-lint/.done: $(TOOLS)/.done requirements/lint.txt
	@echo "==> set-up: scanners (.venv-lint)"
	@test -x .venv-lint/bin/python || $(UV) venv --quiet --python "$$($(TOOLS)/bin/python -c 'import sys; print(sys.executable)')" .venv-lint
	@$(UV) pip sync --quiet --python .venv-lint/bin/python --require-hashes requirements/lint.txt
	@touch $@

.venv-docs/.done: $(TOOLS)/.done requirements/docs.txt
	@echo "==> set-up: documentation (.venv-docs)"
	@test -x .venv-docs/bin/python || $(UV) venv --quiet --python "$$($(TOOLS)/bin/python -c 'import sys; print(sys.executable)')" .venv-docs
	@$(UV) pip sync --quiet --python .venv-docs/bin/python --require-hashes requirements/docs.txt
	@touch $@

.venv-bench/.done: $(TOOLS)/.done requirements/bench.txt requirements/bench-node/package-lock.json
	@echo "==> set-up: what make bench measures beside Lifeline (.venv-bench)"
	@test -x .venv-bench/bin/python || $(UV) venv --quiet --python "$$($(TOOLS)/bin/python -c 'import sys; print(sys.executable)')" .venv-bench
	@$(UV) pip sync --quiet --python .venv-bench/bin/python --require-hashes requirements/bench.txt
	@mkdir -p .venv-bench/node && cp requirements/bench-node/package*.json .venv-bench/node
	@if command -v node >/dev/null && command -v npm >/dev/null; then cd .venv-bench/node && npm ci --silent --ignore-scripts --no-audit --no-fund; \
		else echo "no node and npm on the path: that peer is left out"; fi
	@touch $@

setup: .venv/.done .venv-sam/.done ## Install the pinned packages into folders that git ignores

lint: setup .venv-lint/.done ## Check style, types and template; run the scanners
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(RUN) producer/build_backend.py
	$(BIN)/mypy layers/lifeline/lifeline functions cli local tests producer/src/lifeline_producer producer/tests
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 .venv-sam/bin/sam validate --lint --template template.yaml
	.venv-lint/bin/cfn-lint
	.venv-lint/bin/checkov
	.venv-lint/bin/bandit --quiet --configfile pyproject.toml --recursive layers functions cli producer/src
	$(RUN) -m local.requirements_check

sbom: .venv/.done .venv-lint/.done ## Write bills of materials (CycloneDX) and licences into out/
	@$(RUN) -m local.sbom

audit-dependencies: .venv/.done .venv-lint/.done ## Check the pinned packages for known vulnerabilities, if an index is reachable
	@$(RUN) -m local.audit_dependencies

format: setup ## Format and fix with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup .venv-lint/.done ## Run all tests, on the deployed template with IAM enforced
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=15 tests

unit: setup .venv-lint/.done ## Run the unit tests: fast, without services
	$(BIN)/pytest tests/unit tests/repo

integration: setup ## Test adapters against the local AWS and the simulators
	$(BIN)/pytest tests/integration

e2e: setup ## Test the deployed template
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=15 tests/e2e

fuzz: .venv/.done ## Inject faults into the real use cases: SEEDS=1000, or SEED=n for one with its log
	@$(RUN) -m tests.chaos.fuzz.run $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

chaos: setup ## Run the deployed system under faults, then account for each message: SEED=1 MESSAGES=10000
	@$(RUN) -m tests.chaos.run --seed $(or $(SEED),1) --messages $(or $(MESSAGES),10000)

demo: setup ## Run the demo: delivery, outage, fallback, recovery, drain, summary
	@$(RUN) -m local.demo

local: setup ## Run the whole system on this machine, until Ctrl-C
	@$(RUN) -m local.stack up

local-stop: .venv/.done ## Stop a local system in the background
	@$(RUN) -m local.stack down

build: setup ## sam build, the layer trimmed and byte-compiled: for this machine, or ENV=dev of samconfig.toml, CANARY=...
	@$(RUN) -m local.build $(if $(ENV),--env $(ENV)) $(if $(CANARY),--canary $(CANARY))

bench: setup .venv-bench/.done ## Measure costs and speed beside peers: QUICK=1 for three minutes of it
	$(if $(QUICK),,@$(RUN) -m benchmarks.webhook)
	$(if $(QUICK),,@$(RUN) -m benchmarks.cost)
	@$(RUN) -m benchmarks.run $(if $(QUICK),--quick)
	$(if $(QUICK),,@$(RUN) -m benchmarks.ledger)
	$(if $(QUICK),,@$(RUN) -m benchmarks.send)
	$(if $(QUICK),,@$(RUN) -m benchmarks.aws_calls)
	$(if $(QUICK),,@$(RUN) -m benchmarks.campaign)
	$(if $(QUICK),,@$(RUN) -m benchmarks.wide)

dist: .venv/.done ## Build the wheels of the command line and the producers' package
	@mkdir -p out/dist
	@$(BIN)/hatchling build -t wheel -d out/dist
	@cd producer && ../$(RUN) -c 'import build_backend; print("out/dist/" + build_backend.build_wheel("../out/dist"))'

docs: .venv-docs/.done ## Build the documentation site into out/site; a dead link fails
	@.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky -E docs out/site
	@echo "out/site/index.html"

schema: .venv/.done ## Publish schemas, TypeScript types and Python builders from the contract
	$(RUN) -m local.publish.schema

requirements: $(TOOLS)/.done ## Recompile the pinned requirements
	$(TOOLS)/bin/python -m local.requirements_check --write

clean: ## Remove everything installed and built
	rm -rf producer/src/lifeline_producer/contract .venv .venv-bench .venv-docs .venv-lint .venv-sam .venv-tools .aws-sam .local out .mypy_cache .ruff_cache .pytest_cache .hypothesis
