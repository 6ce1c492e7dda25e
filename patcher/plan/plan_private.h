/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PLAN_PRIVATE_H
#define PATCHER_PLAN_PRIVATE_H

/* What the planner's parts share. */

#include "patcher/plan/plan.h"

/*
 * A window being looked for: whole instructions [start, end) of one section, as offsets. It grows
 * forward and backward an instruction at a time, as far as nothing leads into it and nothing in it
 * has to stay where it is.
 */
struct candidate {
	uint32_t start, end;
	unsigned int instructions;
	uint32_t padding;   /* bytes at the end that nothing reaches */
	bool allow_entries; /* instructions that something leads to may be inside */
};

struct planner {
	struct plan *plan;
	const struct scan_section *swept; /* the section being planned */
	uint64_t *
	    *taken; /* by section of the scan: bitmaps of the bytes that windows and hops replace */
	size_t window_capacity;
};

/* --- plan_window.c ---------------------------------------------------------------------------- */

/* The instruction that the sweep found at offset; false if none starts there. */
bool plan_decode(const struct scan_section *swept, uint32_t offset,
                 struct instruction *instruction);

/* The form the instruction at offset is rewritten as, or SENSITIVE_FORM_NONE. */
uint16_t plan_rewritten_form(const struct scan_section *swept, uint32_t offset,
                             const struct instruction *instruction);

bool plan_has_property(const struct planner *planner, enum code_property property, uint32_t offset,
                       uint32_t size);

/*
 * An iret with code behind it that nothing leads to: the return of a nested task (SDM vol. 3,
 * section 7.4), which goes on there when it is entered again. A slot would not come back there, so
 * such an iret stays where it is, unless the ROM owns the traps: it has no tasks.
 */
bool plan_is_task_return(const struct plan *plan, const struct scan_section *swept, uint32_t offset,
                         const struct instruction *instruction);

/* Linux's entry code where the ROM keeps it native. */
bool plan_in_kept_entry_text(const struct plan *plan, uint64_t address);

/* The kernel looks the bytes up or rewrites them, or they are in a window already. */
bool plan_must_stay(const struct planner *planner, uint32_t offset, uint32_t length);

/*
 * A window of at least size bytes around the instruction of length bytes at offset, forward first:
 * true if there is one. candidate->allow_entries is set by the caller.
 */
bool plan_find_window(const struct planner *planner, uint32_t offset, uint32_t length,
                      uint32_t size, struct candidate *candidate);

/* Takes the instruction behind the candidate in; false if that cannot be. */
bool plan_grow_forward(const struct planner *planner, struct candidate *candidate);

/*
 * Takes in what must not be cut off from the candidate's last instruction (`sti; hlt`). False if
 * it cannot be taken in.
 */
bool plan_complete_pair(const struct planner *planner, struct candidate *candidate);

/* Whether size bytes of unreachable padding start at offset. */
bool plan_is_hole(const struct planner *planner, uint32_t offset, uint32_t size);

/* Marks bytes of the planner's section as replaced. */
void plan_take(struct planner *planner, uint32_t start, uint32_t end);

/* --- plan_sites.c ----------------------------------------------------------------------------- */

/* What the manifest says about the site, and what the ROM cannot have at this place. */
void plan_decide_action(const struct plan *plan, struct plan_site *site);

/* Windows that need nothing moved. false: memory. */
bool plan_sites(struct planner *planner);

/* Makes the section that holds the site the planner's. */
void plan_enter_section(struct planner *planner, const struct kernel_section *section);

/* --- plan_list.c ------------------------------------------------------------------------------ */

/*
 * Adds the candidate as a window for count sites from first on (0: a window that only moves a
 * branch). false: memory.
 */
bool plan_add_window(struct planner *planner, const struct candidate *candidate, size_t first,
                     size_t count, uint8_t method, uint64_t hop);

/*
 * The same for the site at index, and all others that lie in the candidate.
 */
bool plan_add_site_window(struct planner *planner, const struct candidate *candidate, size_t index,
                          uint8_t method, uint64_t hop);

/* Takes a window out of the list; its bytes stay taken. */
void plan_remove_window(struct plan *plan, size_t number);

/* The site is to be rewritten, and no window for it has been found yet. */
bool plan_is_hard(const struct plan_site *site);

/* Of the site in its section. */
uint32_t plan_site_offset(const struct plan_site *site);

/* Notes that the branch at that address has to lead to target's copy. false: memory. */
bool plan_add_retarget(struct plan *plan, uint64_t branch, uint64_t target);

/* Notes that the fixups at target have to lead to its copy. false: memory. */
bool plan_add_fixups(struct plan *plan, uint64_t target);

/* --- plan_branches.c -------------------------------------------------------------------------- */

/* One direct branch. */
struct branch {
	uint64_t target;
	const struct scan_section *swept;
	uint32_t source; /* offset of the branch in its section */
	uint8_t length;
	bool is_short;
};

struct branch_list {
	struct branch *branches; /* ascending targets once sorted */
	size_t count, capacity;
	uint64_t *wanted; /* ascending */
	size_t wanted_count;
	bool out_of_memory;
};

/* Sorts list->wanted, which the caller has filled (malloc), and finds every direct branch to these
 * addresses. false: memory. Ended with plan_free_branches(), also then. */
bool plan_find_branches(const struct scan *scan, struct branch_list *list);
void plan_free_branches(struct branch_list *list);

/* The branches to one wanted address. */
const struct branch *plan_branches_to(const struct branch_list *list, uint64_t target,
                                      size_t *count);

/* --- plan_retarget.c -------------------------------------------------------------------------- */

/* Sites that no plain window was found for: by moving what leads into their windows. false: memory.
 */
bool plan_retarget_sites(struct planner *planner);

/* --- plan_hop.c ------------------------------------------------------------------------------- */

/* Those that are left: by hops. false: memory. */
bool plan_hop_sites(struct planner *planner);

#endif
