# SPDX-License-Identifier: BSD-2-Clause
# The report's page, in headless Chromium.

check_tests += tests/page/page_test
