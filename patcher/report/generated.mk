# SPDX-License-Identifier: BSD-2-Clause
# The report's page, as C.

report_page := $(addprefix patcher/report/page/,page.html page.css data.js charts.js detail.js \
	table.js main.js)
generated_sources += $(generated)/report_page.c

$(generated)/report_page.c: tools/generate-page $(report_page)
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-page source patcher/report/page > $@
