# The host tool's objects but main.c, one a line.
patcher_sources := \
	patcher/problem.c \
	patcher/bzimage.c \
	patcher/decompress.c \
	patcher/decompress_blocks.c \
	patcher/elf_file.c \
	patcher/input_file.c \
	patcher/kernel.c \
	patcher/kernel_sections.c \
	patcher/linux_metadata.c \
	patcher/linux_tables.c \
	patcher/module_symbols.c \
	patcher/table_cursor.c \
	patcher/table_search.c \
	patcher/alternatives.c \
	patcher/bug_table.c \
	patcher/code_lists.c \
	patcher/exception_table.c \
	patcher/jump_labels.c \
	patcher/ksymtab.c \
	patcher/paravirt.c \
	patcher/static_calls.c \
	patcher/escape.c \
	patcher/output_file.c \
	patcher/progress.c \
	patcher/scan.c \
	patcher/scan_csv.c \
	patcher/scan_explain.c \
	patcher/scan_filter.c \
	patcher/scan_json.c \
	patcher/scan_summary.c \
	patcher/scan_text.c \
	patcher/command_scan.c
