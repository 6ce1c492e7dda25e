# SPDX-License-Identifier: BSD-2-Clause
# Reports: of real kernels; and their page, in headless Chromium.

check_tests += tests/page/kernel_report_test tests/page/page_test
