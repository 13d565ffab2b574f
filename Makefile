# Everything one does with this project. `make help` lists it.
# Nothing here needs an activated environment: all of it runs in .venv, made on first use.

PYTHON ?= python3
PORT ?= 8000
DEMO_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
TEST_WORKERS ?= 2

VENV := .venv
IN_VENV := $(VENV)/bin
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
PRODUCT := manage.py gunicorn.conf.py accounts invitations operators twofactor uptrends_2fa
CODE := $(PRODUCT) .ci tests docs $(wildcard bench)

# pytest keeps its asserts as bytecode beside the tests; without it, each process rewrites all of them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# One thing at a time, also with -j: two targets must not install into .venv at once.
.NOTPARALLEL:
.PHONY: help demo test test-quick check format lint requirements-check bandit imports types templates migrations \
	deploy-check audit fix requirements mutants bench bench-logins layers screenshots system-packages clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Serve a sample account on 127.0.0.1:8000 (another port: make demo PORT=8001)
	@$(IN_VENV)/python manage.py demo --port $(PORT) $(DEMO_ARGS)

test: $(VENV)/.test system-packages ## Run all tests (a part: make test PYTEST_ARGS="--no-cov tests/twofactor")
	@# DATABASE_URL, from the environment or the command line, reaches the tests as it is.
	$(IN_VENV)/python -m pytest -n $(TEST_WORKERS) --cov $(PYTEST_ARGS)

test-quick: $(VENV)/.test system-packages ## Run most tests in one of their cases, while you work (before you hand in: make test)
	$(IN_VENV)/python -m pytest -n $(TEST_WORKERS) --quick $(PYTEST_ARGS)

# Quickest first, so that a slip is told within seconds.
check: format lint requirements-check bandit imports types templates migrations deploy-check audit ## Run every check but the tests

format: $(VENV)/.dev ## Check that the code is formatted
	$(IN_VENV)/ruff format --check $(CODE)

lint: $(VENV)/.dev ## Look for mistakes and for functions that have grown too complex
	$(IN_VENV)/ruff check $(CODE)

bandit: $(VENV)/.dev ## Look for insecure habits in the product's code
	$(IN_VENV)/bandit --quiet --recursive --configfile pyproject.toml $(PRODUCT)

requirements-check: $(VENV)/.dev ## Check that requirements/ is in step with pyproject.toml
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && cp requirements/*.txt "$$fresh" && \
	$(call compile,$$fresh) && \
	diff -ru requirements "$$fresh" || { echo "requirements/ is out of step: run 'make requirements'."; exit 1; }

imports: $(VENV)/.dev ## Check that apps import only what lies below them
	$(IN_VENV)/lint-imports

types: $(VENV)/.dev ## Check the types
	DEBUG=on $(IN_VENV)/python -m mypy

templates: $(VENV)/.dev ## Check the templates
	$(IN_VENV)/python -m djlint --lint templates

migrations: $(VENV)/.dev ## Check that no migration is missing
	DJANGO_SETTINGS_MODULE=uptrends_2fa.test_settings $(IN_VENV)/python manage.py makemigrations --check --dry-run

# The settings of a real deployment, with keys made for this one run. Nothing is connected to.
deploy-check: $(VENV)/.dev ## Check production settings with Django's own deployment check
	@DJANGO_SETTINGS_MODULE=uptrends_2fa.settings \
	DEBUG=off \
	SECRET_KEY=$$($(IN_VENV)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	TWO_FACTOR_KEYS=$$($(IN_VENV)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
	ALLOWED_HOSTS=login.example.com \
	SITE_URL=https://login.example.com \
	DATABASE_URL=postgres://uptrends_2fa:password@127.0.0.1:5432/uptrends_2fa \
	EMAIL_URL=smtp+tls://user:password@mail.example.com:587 \
	DEFAULT_FROM_EMAIL=no-reply@example.com \
	$(IN_VENV)/python manage.py check --deploy --fail-level WARNING

# Says so, and passes, where the list of vulnerabilities cannot be reached; one that is found fails.
audit: $(VENV)/.dev ## Ask whether a package that the product runs on has a known vulnerability
	@$(IN_VENV)/python .ci/audit.py requirements/base.txt

fix: $(VENV)/.dev ## Format the code and mend what can be mended by itself
	$(IN_VENV)/ruff check --fix $(CODE)
	$(IN_VENV)/ruff format $(CODE)

requirements: $(VENV)/.dev ## Compile requirements/ from pyproject.toml (newest releases: make requirements UPGRADE=1)
	@$(call compile,requirements,$(if $(UPGRADE),--upgrade))
	@$(call compile_from,bench/logins/requirements.in,-c requirements/base.txt $(if $(UPGRADE),--upgrade),bench/logins/requirements.txt)

mutants: $(VENV)/.dev ## Make mistakes on purpose and see whether a test notices (long; one module: make mutants MODULES=...)
	$(IN_VENV)/python .ci/mutants.py --workers $(TEST_WORKERS) $(MODULES)

bench: $(VENV)/.dev ## Measure the operators list beside Django's admin, with 100,000 operators (bench/README.md)
	$(IN_VENV)/python -m bench.operators $(BENCH_ARGS)

bench-logins: $(VENV)/.dev ## Measure logins and enrollment beside two other packages and a bare project (bench/README.md)
	$(IN_VENV)/python -m bench.logins $(BENCH_ARGS)

screenshots: $(VENV)/.dev system-packages ## Make the pictures of the documentation anew
	$(IN_VENV)/python docs/make_screenshots.py

layers: $(VENV)/.demo ## Draw the picture of the layers in docs/ from the import contracts anew
	$(IN_VENV)/python docs/draw_layers.py

system-packages: ## Install what the browser tests need from Debian, where it is missing
	@missing=""; \
	command -v chromium-headless-shell >/dev/null || missing="$$missing chromium-headless-shell fonts-liberation"; \
	command -v zbarimg >/dev/null || missing="$$missing zbar-tools"; \
	command -v oathtool >/dev/null || missing="$$missing oathtool"; \
	if [ -n "$$missing" ]; then $(call apt_install,$$missing); fi

clean: ## Delete the environment, the demo's data, collected files and caches
	rm -rf $(VENV) .demo staticfiles .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +


# --- The environment ------------------------------------------------------------------------------
# One stamp for each set of requirements: installed again only when its file changes.

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and there is no $(PYTHON). Install it, or name one: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  $(call apt_install,$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')); fi
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: requirements/base.txt $(VENV)/.made
	$(call install,base)
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.made
	$(call install,test)
	@touch $@

# The development set holds the other two.
$(VENV)/.dev: requirements/dev.txt $(VENV)/.made
	$(call install,dev)
	@touch $(VENV)/.demo $(VENV)/.test $@

# $(call install,SET): without resolving, since the files list every package. Older pips otherwise look at
# the newest release of a package that another one wants with an extra, and stop because it is not pinned.
define install
	@echo "Installing requirements/$(1).txt ..."
	@$(IN_VENV)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/$(1).txt
	@$(IN_VENV)/python -m pip check
endef

# $(call compile,FOLDER,OPTIONS): the development set first; the others then take the same releases.
compile = $(call compile_one,$(1),dev,--extra test --extra dev $(2)) && \
	$(call compile_one,$(1),base,-c requirements/dev.txt $(2)) && \
	$(call compile_one,$(1),test,--extra test -c requirements/dev.txt $(2))
compile_one = $(call compile_from,pyproject.toml,$(3),$(1)/$(2).txt)
# $(call compile_from,SOURCE,OPTIONS,FILE)
compile_from = $(IN_VENV)/uv pip compile $(1) --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header $(2) --output-file $(3)

# $(call apt_install,PACKAGES): part of a shell command
apt_install = echo "Installing: $(1)"; \
	command -v apt-get >/dev/null || { echo "There is no apt-get here: please install these by hand."; exit 1; }; \
	$(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) || exit 1
