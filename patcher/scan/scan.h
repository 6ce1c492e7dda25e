/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SCAN_H
#define PATCHER_SCAN_H

/*
 * The scan of one kernel: the sweep of every executable section, joined with
 * symbols and Linux's metadata into one list of sites.
 */

#include "disasm/sweep.h"
#include "patcher/kernel/kernel.h"
#include "patcher/linux/linux_metadata.h"

enum scan_context {
	SCAN_CONTEXT_TEXT,
	SCAN_CONTEXT_INIT,        /* .init.text, .altinstr_aux, ...: freed after boot */
	SCAN_CONTEXT_EXIT,        /* .exit.text */
	SCAN_CONTEXT_ALTERNATIVE, /* a replacement that the kernel may copy over a site */
	SCAN_CONTEXT_COUNT
};

/* Bits: what the kernel's own tables say about the site's bytes. */
enum {
	SCAN_CONSTRAINT_EXCEPTION_TABLE = 1 << 0, /* an __ex_table instruction */
	SCAN_CONSTRAINT_ALTERNATIVE = 1 << 1,     /* inside bytes that an alternative may replace */
	SCAN_CONSTRAINT_BRANCH_TARGET = 1 << 2    /* a direct branch goes to it */
};
#define SCAN_CONSTRAINT_COUNT 3

struct scan_site {
	uint64_t address; /* guest-virtual; in modules the offset in its section */
	const struct kernel_section *section;
	const struct kernel_symbol *symbol; /* NULL if none covers it */
	const uint8_t *bytes;
	uint16_t form; /* index into sensitive_forms */
	uint8_t length;
	uint8_t context;     /* enum scan_context */
	uint8_t constraints; /* SCAN_CONSTRAINT_* */
	const char *origin;  /* of a form that is a site only where it is named: by what (borrowed);
	                        NULL for all others */
};

/* An ordinary instruction that something names as a site. */
struct scan_named_site {
	uint64_t address; /* guest-virtual, of an instruction that the sweep found */
	const struct kernel_section *section;
	uint16_t form; /* one with sensitive_forms[].named */
	uint8_t length;
	bool paired;        /* the high half of an entry, whose low half the next site stores */
	const char *origin; /* borrowed: must outlive the scan */
};

/* Bytes of an executable section that are not one plain stream of instructions. */
struct scan_range {
	uint64_t address;
	uint64_t size;
	const struct kernel_section *section;
	enum sweep_range_reason reason;
};

/* Bitmaps of a swept section, a bit a byte, from the metadata. */
enum code_mark {
	MARK_EXCEPTION,   /* first bytes of __ex_table instructions */
	MARK_ALTERNATIVE, /* bytes an alternative may replace */
	MARK_REPLACEMENT, /* bytes of a replacement */
	MARK_NAMED,       /* first bytes of instructions that are sites because they are named */
	MARK_PAIRED, /* of these, stores of the high half of an entry with the low one behind */
	MARK_COUNT
};

struct scan_section {
	const struct kernel_section *section;
	struct sweep_result sweep;
	uint64_t *marks[MARK_COUNT];
};

struct scan {
	const struct kernel *kernel; /* borrowed */
	struct linux_metadata metadata;
	struct scan_section *sections; /* in the order of kernel->sections */
	size_t section_count;
	uint32_t *section_indices; /* by kernel section: its index in sections, or UINT32_MAX */
	struct scan_site *sites;   /* ascending addresses (modules: section, then offset) */
	size_t site_count;
	struct scan_range *ranges; /* likewise */
	size_t range_count;
	size_t instruction_count;
	uint64_t code_size; /* bytes swept */
};

/*
 * Scans the kernel, which must outlive *scan. false: *problem says why, nothing is left allocated.
 * Ended with scan_free().
 */
bool scan_kernel(const struct kernel *kernel, struct scan *scan, struct problem *problem);
/* The same with metadata that was read by other means; it becomes the scan's, also on failure. */
bool scan_with_metadata(const struct kernel *kernel, const struct linux_metadata *metadata,
                        struct scan *scan, struct problem *problem);
void scan_free(struct scan *scan);

/*
 * Adds sites of ascending addresses to a scan that was not filtered. false: memory; the scan is as
 * it was.
 */
bool scan_add_named(struct scan *scan, const struct scan_named_site *sites, size_t count,
                    struct problem *problem);

/* The form of the instruction at offset of a swept section, if it is a site: one of those that are
 * sites anywhere, or it was named. SENSITIVE_FORM_NONE otherwise. */
uint16_t scan_form_at(const struct scan_section *swept, uint32_t offset,
                      const struct instruction *instruction);

/* The swept section that holds the kernel section of that index, or NULL. */
struct scan_section *scan_find_section(const struct scan *scan,
                                       const struct kernel_section *section);

/* The site whose bytes include address in section, or NULL. */
const struct scan_site *scan_site_at(const struct scan *scan, const struct kernel_section *section,
                                     uint64_t address);

/* "text", "init", "exit", "alternative". */
const char *scan_context_name(enum scan_context context);

/* "exception-table", "alternative", "branch-target": of the bit 1 << bit. */
const char *scan_constraint_name(unsigned int bit);

#endif
