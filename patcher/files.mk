# SPDX-License-Identifier: BSD-2-Clause
# The host tool's objects but main.c, one a line.
patcher_sources := \
	patcher/problem.c \
	patcher/bzimage.c \
	patcher/decompress.c \
	patcher/decompress_blocks.c \
	patcher/elf_file.c \
	patcher/identity.c \
	patcher/input_file.c \
	patcher/kallsyms.c \
	patcher/kallsyms_stem.c \
	patcher/kernel.c \
	patcher/kernel_sections.c \
	patcher/relocations.c \
	patcher/symbol_index.c \
	patcher/symbols.c \
	patcher/system_map.c \
	patcher/linux_metadata.c \
	patcher/linux_tables.c \
	patcher/module_symbols.c \
	patcher/table_cursor.c \
	patcher/table_search.c \
	patcher/alternatives.c \
	patcher/bug_table.c \
	patcher/kprobe_blacklist.c \
	patcher/mcount.c \
	patcher/pci_fixups.c \
	patcher/smp_locks.c \
	patcher/exception_table.c \
	patcher/jump_labels.c \
	patcher/ksymtab.c \
	patcher/paravirt.c \
	patcher/static_calls.c \
	patcher/escape.c \
	patcher/hash.c \
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
