# SPDX-License-Identifier: BSD-2-Clause
# Golden tests: the sites found, against objdump and an independent filter; writes to page tables,
# against objdump and addr2line.

check_tests += $(addprefix tests/golden/,filter_test debian_test tiny_test page_tables_test)
check_long_tests += tests/golden/defconfig_test
