# SPDX-License-Identifier: BSD-2-Clause
# The tests. Every test program and script speaks TAP; prove runs them all.
#
# Each folder of tests/ with tests of its own kind has a tests.mk, which adds
#   check_tests       what `make check` runs: a path each, run by prove
#   check_long_tests  what `make check-long` runs besides
#   test_inputs       what must be built or made before they run

check_tests :=
check_long_tests :=
test_inputs :=

include $(wildcard tests/*/tests.mk)
