# Each target works as the first command on a fresh Debian or Ubuntu with Python 3.11 or newer.

SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
# Tests wait for processes more than they compute, so that a few more of them than cores are at it at once.
TESTERS ?= 3

.PHONY: help setup demo test lint bench up

help: ## list what there is to make
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name words; do printf 'make %-6s  %s\n' "$$name" "$$words"; done

setup: .venv/installed ## make the environment and install what running it needs
	@deploy/prepare up
	@echo "Ready. Next: $(BIN)/opus67 setup registers the GitHub App, make up runs it."

demo: .venv/installed ## show the way from a label to a draft pull request, on this machine, without an account
	@deploy/prepare demo
	@OPUS67_SANDBOX="$$(deploy/sandbox)" exec $(BIN)/opus67 demo

test: .venv/installed-dev ## check everything: lint, types, imports, tests (ARGS="..." go to pytest)
	@deploy/prepare test
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS) || { \
		code=$$?; test $$code = 1 || exit $$code; \
		printf '\nWhat failed is run once more, with nothing beside it. What fails again is broken; what passes now is to be looked into:\n'; \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 3 --verbose; }

lint: .venv/installed-dev ## style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@if command -v shellcheck >/dev/null; then shellcheck -x deploy/venv deploy/prepare deploy/sandbox deploy/packages.sh .ci/run; fi

bench: .venv/installed-dev ## measure memory and start-up, print tables
	@deploy/prepare demo
	@for bench in bench/[a-z]*.py; do echo; $(BIN)/python "$$bench" || exit 1; done

up: .venv/installed ## run web, workers and clock
	@deploy/prepare up
	@exec $(BIN)/opus67 up

# The stamps: an environment is made again when pyproject.toml or the script that makes it has changed.
.venv/installed: pyproject.toml deploy/venv
	@test .venv/installed-dev -nt pyproject.toml -a .venv/installed-dev -nt deploy/venv || deploy/venv
	@touch $@

.venv/installed-dev: pyproject.toml deploy/venv
	@deploy/venv dev
	@touch $@
