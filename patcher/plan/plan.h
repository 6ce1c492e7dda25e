/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PLAN_H
#define PATCHER_PLAN_H

/*
 * The plan: for each site how it is rewritten, for each window which bytes are replaced. A window
 * is a run of whole instructions that a jump to a springboard replaces; nothing may lead into it.
 */

#include "patcher/plan/code_map.h"
#include "patcher/rom/rom.h"
#include "patcher/springboard/springboard.h"

#define JUMP_SIZE       5 /* jmp rel32 */
#define SHORT_JUMP_SIZE 2 /* jmp rel8 */

struct plan_site {
	const struct scan_site *site;
	uint8_t method; /* ROM_METHOD_* */
	uint8_t action; /* ROM_ACTION_*, of the ROM's manifest */
	bool patched; /* false: it is left alone and not by the ROM's will: an error, or exit status
	                 3 */
	uint32_t window;    /* index into plan.windows, UINT32_MAX if in none */
	const char *reason; /* why it is left alone or trapped; NULL otherwise */
	uint32_t feature;   /* Linux's number of that which makes it live, if reason says so */
};

struct plan_window {
	const struct scan_section *swept;
	uint64_t start, end; /* guest-virtual */
	uint64_t hop; /* guest-virtual of the jmp rel32 that a short jump at start reaches; 0 */
	uint32_t first_site; /* index into plan.sites */
	uint32_t site_count;
	uint32_t instruction_count; /* without those of the padding */
	uint32_t padding;           /* bytes at the end that nothing reaches */
	uint64_t springboard;       /* guest-virtual, once placed */
	uint32_t springboard_size;
	bool dropped; /* its springboard could not be built: the bytes stay as they are */
};

/* A direct branch outside all windows that has to lead to the copy of an instruction that moved. */
struct plan_retarget {
	uint64_t branch; /* guest-virtual, of the branch; its displacement has 32 bits */
	uint64_t target; /* guest-virtual, of the instruction inside a window */
};

/* An entry of __ex_table whose fixup has moved likewise. */
struct plan_fixup {
	const struct exception_entry *entry;
};

struct plan {
	const struct scan *scan; /* borrowed, as are map and rom */
	const struct code_map *map;
	const struct rom *rom;
	struct plan_site *sites; /* the sites to rewrite, ascending addresses */
	size_t site_count;
	uint64_t entry_text_start, entry_text_end; /* guest-virtual; empty if not known */
	struct plan_window *windows;               /* ascending addresses, disjoint */
	size_t window_count;
	struct plan_retarget *retargets;
	size_t retarget_count;
	struct plan_fixup *fixups;
	size_t fixup_count;
};

/*
 * Plans every site of the scan that must be rewritten. A site that cannot be is no error here: it
 * has patched false and a reason. false: *problem (memory). Ended with plan_free().
 */
bool plan_build(const struct scan *scan, const struct code_map *map, const struct rom *rom,
                struct plan *plan, struct problem *problem);
void plan_free(struct plan *plan);

/* The site traps: only for ROMs that own the traps. Its reason stays. */
void plan_trap_site(struct plan_site *site);

/* The instructions of one window, for springboard_build(). */
void plan_window_instructions(const struct plan *plan, const struct plan_window *planned,
                              struct window *window);

/* "in place", "springboard", ... : of ROM_METHOD_*. */
const char *plan_method_name(uint8_t method);

#endif
