# `make` lists what there is. Everything works on a fresh Debian-like machine with Python 3.11.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ALL := $(VENV)/.all
ENCODERS := $(VENV)/.encoders
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
PROJECT ?=
export LC_ALL ?= C.UTF-8

# What Qt needs from the system (Debian's names), and a library of each to see whether it is there.
LIBRARIES := libGL.so.1:libgl1 libEGL.so.1:libegl1 libglib-2.0.so.0:libglib2.0-0 libxkbcommon.so.0:libxkbcommon0 \
	libfontconfig.so.1:libfontconfig1 libpulse.so.0:libpulse0 libXrandr.so.2:libxrandr2 \
	libxcb-cursor.so.0:libxcb-cursor0 libxcb-icccm.so.4:libxcb-icccm4 libxcb-keysyms.so.1:libxcb-keysyms1 \
	libxkbcommon-x11.so.0:libxkbcommon-x11-0 libxcb-shape.so.0:libxcb-shape0

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(READY) encoders ## start the studio (on its sample project, or PROJECT=folder)
	$(BIN)/avvp-studio $(PROJECT)

.PHONY: test
test: $(ALL) encoders ## run the tests (no screen and no GPU needed)
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
		--numprocesses auto --maxprocesses 4 --dist loadgroup $(ARGS)

.PHONY: check
check: $(ALL) ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: fix
fix: $(ALL) ## format, and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: shots
shots: $(ALL) ## render the pictures of the README and the guide
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.shots resources/guide/images

.PHONY: bench
bench: $(ALL) ## measure speed, as ratios within one run
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; \
		QT_QPA_PLATFORM=offscreen $(BIN)/python $$script || exit 1; done

.PHONY: clean
clean: ## remove the virtual environment and what tools left
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "AVVP Studio needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11"; exit 1; }
	@$(MAKE) --no-print-directory system
	@echo "Installing into $(VENV) (about a minute; some 600 MB with a CPU build of torch)"
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[encoders]'
	@touch $@

$(ALL): $(READY)
	@echo "Installing what tests and checks need, too"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[clip,cluster,dev,encoders]'
	@touch $@

.PHONY: encoders
encoders: $(READY) # fetch the weights of the default encoders once, where that is possible
	@[ -e $(ENCODERS) ] || { echo "Fetching the default encoders (about 120 MB, once)"; \
		$(BIN)/python -m trainer encoders install default > /dev/null 2>&1 && touch $(ENCODERS); } || \
		echo "They cannot be fetched now: all goes on with the built-in encoder, signal" \
			"(why: $(BIN)/python -m trainer encoders install default)"

.PHONY: system
system: # install the system libraries that are missing, where that is allowed
	@missing=""; cache=$$(PATH=$$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null); \
	for pair in $(LIBRARIES); do \
		grep -qF "$${pair%%:*} " <<< "$$cache" || missing="$$missing $${pair##*:}"; done; \
	"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || missing="$$missing $(notdir $(PYTHON))-venv"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get > /dev/null; then \
		echo "Please install what Qt needs (Debian's names):$$missing"; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif sudo -n true 2>/dev/null; then as_root="sudo"; \
	else echo "System packages are missing. Please run once, then make again:"; \
		echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$$missing"; exit 1; fi; \
	echo "Installing system packages:$$missing"; \
	$$as_root apt-get update -qq && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing > /dev/null
