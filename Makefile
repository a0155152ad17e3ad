# `make run` and `make test` need nothing but Python 3.11+ with venv and ensurepip; the rest is installed into .venv.
# Every recipe ends in `exec`, so that what make is told by a signal reaches the program itself.

PORT ?= 8080
DATA ?= .issuary
VENV ?= .venv
WORKERS ?= logical
PYTHON := $(VENV)/bin/python
READY := $(VENV)/installed
# Current Compose, or Debian's docker-compose; looked for only where it is needed.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
COMPOSED = $(COMPOSE) $(if $(DEMO),-f compose.yaml -f compose.demo.yaml)
EVERYTHING = $(COMPOSE) -f compose.yaml -f compose.demo.yaml

.DEFAULT_GOAL := help
.PHONY: help run image up down test check demo bench chaos contracts migration locks locks-check reset

help:
	@exec sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make run [PORT=8080]                everything on this machine; Ctrl-C stops it, the data stay in .issuary/
run: $(READY)
	@exec $(PYTHON) -m services dev --port $(PORT) --data $(DATA)

## make demo                           plays the main job against a running `make run`
##      STACK=containers make demo     the same against a running `make up DEMO=1`
ifeq ($(STACK),containers)
demo:
	@[ -t 1 ] || batch=-T; exec $(EVERYTHING) exec $$batch demo python -m demo --data /data
else
demo: $(READY)
	@exec $(PYTHON) -m demo --data $(DATA)
endif

## make image                          issuary:dev, the one image of all services, and issuary:demo
image:
	docker build --tag issuary:dev --target production --build-arg VERSION="$$(git describe --always --dirty 2>/dev/null || echo unknown)" .
	@exec docker build --quiet --tag issuary:demo --target demo .

## make up [DEMO=1] [PORT=8080]        everything in containers; DEMO=1 with a demo account, DNS server and test mode
up: export PORT := $(PORT)
up: export ISSUARY_BASE_URL ?= http://127.0.0.1:$(PORT)
up: image
	@sh deploy/secrets.sh
	$(COMPOSED) up --detach --no-build
	@python3 deploy/ready.py http://127.0.0.1:$(PORT)
	@$(if $(DEMO),exec $(COMPOSED) logs --no-color demo,:)

## make down                           stops the containers; the data stay in volumes
down:
	@sh deploy/secrets.sh >/dev/null  # Compose reads nothing without them
	@exec $(EVERYTHING) down

## make test [WORKERS=2]               all checks and the whole suite, on embedded servers; one worker for each core, up to 4
##      STACK=containers make test     the same on Apache Kafka and PostgreSQL in containers, and what needs the images
test: check
	@exec $(PYTHON) -m pytest --numprocesses $(WORKERS) --maxprocesses 4

## make check                          format, lint, types, import contracts
check: $(READY)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	@exec $(VENV)/bin/lint-imports

## make locks                          requirements*.lock anew from pyproject.toml
##      make locks-check               whether every locked package has a wheel for Python 3.11, 3.12 and 3.13
COMPILE = $(PYTHON) -m uv pip compile pyproject.toml --system-certs --quiet --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-header --no-annotate
locks: $(READY)
	$(COMPILE) --output-file requirements.lock
	@exec $(COMPILE) --extra dev --output-file requirements-dev.lock

locks-check: $(READY)
	@for version in 3.11 3.12 3.13; do for lock in requirements.lock requirements-dev.lock; do \
	    $(PYTHON) -m uv pip install --system-certs --quiet --dry-run --target $(DATA)/none --python-version $$version \
	        --only-binary :all: --require-hashes -r $$lock || exit 1; \
	done; done; echo "Both locks are good for Python 3.11, 3.12 and 3.13."

## make bench                          the speed table, the chart and .issuary/bench/results.json
##      STACK=containers make bench    the same on Apache Kafka and PostgreSQL in containers
bench: $(READY)
	@exec $(PYTHON) -m benchmarks

## make chaos [EVENTS=100000 SEED=1]   the big failure run on Kafka and PostgreSQL in containers; .issuary/chaos/report.md
chaos: $(READY)
	@exec $(PYTHON) -m chaos --events $(or $(EVENTS),100000) --seed $(or $(SEED),1)

## make contracts                      JSON Schemas and AsyncAPI documents from the event classes
contracts: $(READY)
	@exec $(PYTHON) -m tests.events.contracts

## make migration s=orders m="…"       a migration of one service from its changed models
migration: $(READY)
	$(if $(and $(s),$(m)),,$(error Say which service and what changes: make migration s=orders m="reissue dates"))
	@exec $(PYTHON) -m shared.devstack.migration "$(s)" "$(m)"

## make reset                          forgets all data of `make run`
reset:
	@exec python3 -m shared.devstack.single $(DATA)

$(READY): requirements-dev.lock
	@command -v python3 >/dev/null || { echo "Issuary needs Python 3.11 or newer, called python3." >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Issuary needs Python 3.11 or newer; python3 is " + sys.version.split()[0] + ".")'
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "Issuary needs the Python modules venv and ensurepip; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV) …"
	@python3 -m venv --clear $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
