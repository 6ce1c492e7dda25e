# SPDX-License-Identifier: BSD-2-Clause
# The tests. Every test program and script speaks TAP; prove runs them all.
#
# Each folder of tests/ with tests of its own kind has a tests.mk, which adds
#   check_tests       what `make check` runs: a path each, executable
#   check_long_tests  what `make check-long` runs besides
#   test_inputs       what must be built or made before they run
#   lint_sources      C files for `make lint` that are in no list of the build
#
# A test finds in its environment
#   POSTBURN          the program under test, an absolute path
#   POSTBURN_BUILD    the build folder, an absolute path
# and, in the cache folder ${XDG_CACHE_HOME:-$HOME/.cache}/postburn, unless they could not be had,
#   debian/FLAVOUR/   unpacked packages of Debian's i386 kernels, FLAVOUR 686-pae or 686
#   linux/CONFIG/     Linux built here: vmlinux, bzImage, System.map, config; see tools/linux-configs
# A test whose kernel is not there skips with that reason. With KERNELS=required, as in CI, `make
# check` fails instead of running without kernels.

check_tests :=
check_long_tests :=
test_inputs :=
lint_sources :=

include $(wildcard tests/*/tests.mk)

# Tests at a time, and seconds one may take.
TEST_JOBS ?= 2
TEST_TIMEOUT ?= 900
TEST_TIMEOUT_LONG ?= 14400
KERNELS ?= $(if $(CI),required,wanted)

# Linux builds that the tests read.
check_linux := $(patsubst tools/linux-configs/%.config,%,$(wildcard tools/linux-configs/tiny-*.config))
check_long_linux := $(check_linux) defconfig

# What of `make lint` goes before the tests: all of it in CI, else what takes only seconds.
check_lint := $(if $(CI),run-lint,run-lint-quick)

export POSTBURN := $(abspath $(program))
export POSTBURN_BUILD := $(abspath $(build))
export CMOCKA_MESSAGE_OUTPUT := TAP
export PYTHONDONTWRITEBYTECODE := 1
export ASAN_OPTIONS ?= detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1

# What builds and lint may do at a time, unless the caller said so.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# Runs tests $(2) with a limit of $(1) seconds each.
prove = prove -j$(TEST_JOBS) -e 'timeout --kill-after=10 $(1)' $(2)

check: ## install what is missing, build, run all tests
	@tools/setup $(groups_check)
	@tools/kernels $(KERNELS) $(check_linux)
	@$(MAKE) --no-print-directory $(jobs) $(check_lint)
	@$(MAKE) --no-print-directory $(jobs) run-tests

check-long: ## check, and the tests that take hours
	@tools/setup $(groups_check-long)
	@tools/kernels $(KERNELS) $(check_long_linux)
	@$(MAKE) --no-print-directory $(jobs) $(check_lint)
	@$(MAKE) --no-print-directory $(jobs) run-tests-long

# What check does when packages and kernels are there.
run-tests: $(program) $(test_inputs)
	$(if $(filter 0,$(V)),@)$(call prove,$(TEST_TIMEOUT),$(check_tests))

run-tests-long: $(program) $(test_inputs)
	$(if $(filter 0,$(V)),@)$(call prove,$(TEST_TIMEOUT_LONG),$(check_tests) $(check_long_tests))

.PHONY: check check-long run-tests run-tests-long
