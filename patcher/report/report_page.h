/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_REPORT_PAGE_H
#define PATCHER_REPORT_PAGE_H

/*
 * The page that shows reports, made of patcher/report/page by tools/generate-page: one HTML file
 * with style and scripts in it, up to its data and from there on. The data are JSON without '<':
 * {"reports": [...], "stats": [...]}.
 */
extern const char report_page_head[], report_page_tail[];

#endif
