# SPDX-License-Identifier: BSD-2-Clause
# Tests of tools/: apt, dpkg and make are played by small scripts, so no network and no root.

check_tests += $(wildcard tests/tools/*.bats)
check_long_tests += tests/tools/packages_long_test
