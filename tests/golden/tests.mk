# SPDX-License-Identifier: BSD-2-Clause
# Golden tests: the sites found, against objdump and an independent filter.

check_tests += $(addprefix tests/golden/,filter_test debian_test tiny_test)
check_long_tests += tests/golden/defconfig_test
