# SPDX-License-Identifier: BSD-2-Clause
# Golden tests: the sites found, against objdump and an independent filter.

check_tests += tests/golden/filter_test tests/golden/debian_test tests/golden/tiny-pae_test
check_long_tests += tests/golden/defconfig_test
