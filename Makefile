# dwell's front door. Meson does the work; this file gives it names. `make` alone lists them.

# Debian's tools first: a meson or python3 of a personal environment may lack what Debian's has.
export PATH := /usr/bin:/bin:$(PATH)

PREFIX       ?= /usr/local
CI           ?=
FUZZ_SECONDS ?= 60

NINJA     := $(firstword $(wildcard /usr/bin/ninja) ninja)
MESON     := $(firstword $(wildcard /usr/bin/meson) meson)
DEPS      := sh tools/install-deps
CONFIGURE := sh tools/configure
TESTS     := tools/run-tests
# In continuous integration the browser and SUNDIALS are installed, the browser's check is not optional, and sanitized
# unit tests run as well.
CHECK_SETS := build check $(if $(filter true,$(CI)),web oracle)
# The two warnings judge paths that only the sanitizers' own checks create.
QUIET      := "['-Wno-format-overflow','-Wno-format-truncation']"
SANITIZE   := -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=$(QUIET)

.DEFAULT_GOAL := help
.PHONY: help demo check verify figures check-large build install bench calibrate release-test mechanism nursery fuzz torture web-check gallery docs sanitize format dist clean
.NOTPARALLEL:

help: ## list the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

demo: build ## install what is missing, build, simulate, decide, measure trained models and their twins, name the pages (MODEL=folder)
	@sh tools/demo build/src/cli/dwell

check: ## install what is missing, build, run every test
	@$(DEPS) $(CHECK_SETS)
	@$(MAKE) --no-print-directory build
	@$(if $(filter true,$(CI)),$(CONFIGURE) build-sanitize $(SANITIZE) && $(NINJA) -C build-sanitize)
	@$(TESTS) build $(if $(filter true,$(CI)),--units build-sanitize)

build: ## install what is missing, build the program and the library in build/
	@$(DEPS) build
	@$(CONFIGURE) build -Dprefix=$(PREFIX)
	@$(NINJA) -C build

install: build ## install below PREFIX (default /usr/local); DESTDIR is honoured
	@$(MESON) install -C build --no-rebuild
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then /sbin/ldconfig; fi

bench: ## benchmarks: ratios against the rivals, measured in one run (SPEED.md; PARTS="forward start" for a part of them)
	@$(DEPS) build bench
	@$(MAKE) --no-print-directory build
	@sh tools/bench build

verify: build ## the theory's statements, all of them: predicted, measured, pass or fail (minutes)
	@build/src/cli/dwell verify

figures: build ## the published figures at full size in build/figures (a quarter of an hour; goes on where it stopped)
	@tools/make-figures build/src/cli/dwell build/figures

calibrate: build ## measure how often the tests cry wolf and how often they see: the rates in docs/TRUST.md (minutes)
	@build/tools/calibrate/calibrate

release-test: build ## the error rate of the whole procedure: full studies with nothing to find, and planted groups (half an hour; goes on where it stopped; NIGHTLY=1: fewer)
	@build/tools/calibrate/calibrate $(if $(NIGHTLY),nightly,release) -v -o build/release-test.csv

# Networks before training first, as the page has them.
MECHANISM := gpt2-nursery@step-0 gpt2-nursery-6 gpt2-nursery gpt2-nursery-24 gpt2-nursery-48 bert-nursery@step-0 bert-nursery \
             albert-nursery@step-0 albert-nursery albert-nursery-narrow
mechanism: build ## interventions on the nursery's models: the tables of docs/mechanism.md (half an hour; goes on where it stopped)
	@build/tools/mechanism/mechanism -o build/mechanism $(addprefix data/models/,$(MECHANISM))
	@build/tools/mechanism/mechanism -o build/mechanism --tables $(addprefix data/models/,$(MECHANISM))

nursery: build ## train the first steps of the nursery's models again and compare (tools/nursery/README.md)
	@$(DEPS) build nursery
	@sh tools/nursery/nursery short build

fuzz: ## build the parsers' fuzz harnesses with clang and run each for FUZZ_SECONDS (60)
	@$(DEPS) build check fuzz
	@CC=clang $(CONFIGURE) build-fuzz $(SANITIZE) -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link
	@$(NINJA) -C build-fuzz
	@sh tools/fuzz build-fuzz $(FUZZ_SECONDS)

torture: ## run the tests in a build where any allocation can be made to fail
	@$(DEPS) build check
	@$(CONFIGURE) build-torture $(SANITIZE) -Dtorture=true
	@$(NINJA) -C build-torture
	@$(TESTS) --units build-torture

check-large: build ## compare two larger real checkpoints with transformers (1.1 GB; needs DWELL_SHARED)
	@sh tools/check-large build

web-check: ## open the report in a headless browser and compare it with the numbers
	@$(DEPS) build check web
	@$(MAKE) --no-print-directory build
	@CI=true $(TESTS) --suite web build

gallery: build ## make the pictures of docs/gallery again: pages as a browser shows them (minutes; goes on where it stopped)
	@$(DEPS) build check web
	@CI=true sh tools/web-check build/src/cli/dwell build tools/make-gallery

docs: build ## build the man pages; read one with `man build/docs/man/dwell.1`
	@echo 'man pages:'; ls build/docs/man/*.[1-9]; echo 'manual: docs/'

sanitize: ## build with the address and undefined-behaviour sanitizers and run the unit tests
	@$(DEPS) build check
	@$(CONFIGURE) build-sanitize $(SANITIZE)
	@$(NINJA) -C build-sanitize
	@$(TESTS) --units build-sanitize

format: ## format the sources with clang-format
	@$(DEPS) format
	@find src include tests examples bench -name '*.[ch]' -exec clang-format -i {} + 2>/dev/null

dist: build ## make a source archive of the last commit in build/meson-dist/
	@$(MESON) dist -C build --no-tests

clean: ## remove the build folders
	rm -rf build build-sanitize build-fuzz build-torture
