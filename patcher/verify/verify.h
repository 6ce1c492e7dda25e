/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_H
#define PATCHER_VERIFY_H

/*
 * The second reader: whether a rewritten kernel is what its input asks for. It shares with the
 * writer the disassembler, the tables of patchtables/, and the readers of the input (patcher/
 * kernel.h, linux_metadata.h); it reads the output with libelf, and the ROM with libelf too. What
 * it proves is listed in docs/verify.md.
 */

#include "patcher/kernel/kernel.h"
#include "patcher/problem.h"

enum verify_subject {
	VERIFY_FILE,        /* ELF headers, sections, symbols, notes */
	VERIFY_ROM,         /* slots, bodies, wedge, parameters */
	VERIFY_SITE,        /* the records of sites, and sites without one */
	VERIFY_ORIGIN,      /* the records of origins */
	VERIFY_WINDOW,      /* the bytes that were replaced */
	VERIFY_SPRINGBOARD, /* what stands for them */
	VERIFY_REFERENCE,   /* what leads to them */
	VERIFY_BYTES,       /* other bytes that differ */
	VERIFY_SUBJECT_COUNT
};

struct verify_finding {
	uint32_t address; /* guest-virtual, or a file offset where there is none (VERIFY_FILE) */
	enum verify_subject subject;
	char *text; /* one line: what is wrong */
};

struct verify_report {
	struct verify_finding *findings; /* in the order found */
	size_t finding_count, capacity;
	size_t suppressed; /* findings beyond VERIFY_FINDING_LIMIT */
	bool out_of_memory;
	/* What was looked at. */
	size_t sites, native_sites, inert_sites, unpatched_sites, traps, windows, springboard_bytes,
	    slots, bytes_changed, origins;
};

#define VERIFY_FINDING_LIMIT 10000

/* A ROM's object file, as given to `postburn patch`. */
struct verify_rom_file {
	const uint8_t *bytes;
	size_t size;
};

struct verify_input;

/*
 * Prepares an input for verify_output(): sweeps its code, reads its tables. The kernel must outlive
 * the result. NULL: *problem says why. Ended with verify_input_close().
 */
struct verify_input *verify_input_open(const struct kernel *kernel, struct problem *problem);
void verify_input_close(struct verify_input *input);

/* A write to a page table that debug information or a sites file names. */
struct verify_named_site {
	uint32_t address;   /* guest-virtual, of the instruction */
	const char *origin; /* printable */
};

/*
 * From here on outputs of the input must have a record of each of these sites, ascending addresses,
 * and of no other write to a page table. The array is borrowed, and must outlive the input.
 */
void verify_input_expect(struct verify_input *input, const struct verify_named_site *sites,
                         size_t count);

/* Options, as bits. */
enum {
	/* Sites that were left alone though they must not be are counted, not found. */
	VERIFY_ALLOW_UNPATCHED = 1 << 0,
	/* Every register and flag must be right behind every site, also where nothing can read it:
	 * tells what is wrong from what makes no difference. */
	VERIFY_EVERYTHING_LIVE = 1 << 1
};

/*
 * Compares the output in [bytes, bytes + size) with its input and its ROM; *report gets all that is
 * wrong. true if the report is complete, whatever is in it; false: *problem says why it could not
 * be made (memory, a ROM that is none). Ended with verify_report_free(), also after false.
 */
bool verify_output(const struct verify_input *input, const struct verify_rom_file *rom,
                   const uint8_t *bytes, size_t size, unsigned int options,
                   struct verify_report *report, struct problem *problem);
void verify_report_free(struct verify_report *report);

/* "file", "ROM", "site", ... */
const char *verify_subject_name(enum verify_subject subject);

/* The name of the ROM in an output's note, into name; false if it has none. */
bool verify_rom_name(const uint8_t *bytes, size_t size, char *name, size_t name_size);

#endif
