/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_LINUX_METADATA_H
#define PATCHER_LINUX_METADATA_H

/*
 * Linux's own tables about its code, read into one model: what the kernel
 * looks up or rewrites at run time. Addresses are guest-virtual (in modules:
 * offsets in their section, with the section's index beside them).
 */

#include "patcher/kernel/kernel.h"

struct code_place {
	uint64_t address;
	uint32_t section; /* index into kernel.sections, UINT32_MAX if unknown */
};

struct exception_entry { /* __ex_table */
	struct code_place instruction, fixup;
	uint64_t entry_address; /* where the entry itself stands */
	uint32_t handler;       /* the third word (type or handler), 0 in two-word layouts */
};

struct alternative_entry { /* .altinstructions */
	struct code_place site, replacement;
	uint64_t entry_address;
	uint32_t feature; /* cpuid bit, as in the table; flags (ALT_FLAG_*) are separate */
	uint32_t flags;
	uint8_t site_length, replacement_length;
	uint8_t pad_length; /* 4.1 to 5.x layouts; 0 elsewhere */
};

struct paravirt_entry { /* .parainstructions */
	struct code_place site;
	uint64_t entry_address;
	uint8_t type, length;
	uint16_t clobbers;
};

struct jump_label_entry { /* __jump_table */
	struct code_place code, target;
	uint64_t entry_address;
	uint64_t key;
	uint8_t length; /* of the instruction now standing there: 2 or 5 */
};

struct bug_entry { /* __bug_table */
	struct code_place instruction;
	uint64_t entry_address;
	uint16_t line, flags;
};

struct place_list {
	struct code_place *places;
	size_t count;
};

struct linux_table {
	bool found;
	bool by_structure; /* neither section nor symbol named it */
	uint64_t address;  /* of its first byte; in modules 0 */
	uint64_t size;
	uint32_t section;    /* index into kernel.sections, UINT32_MAX if unknown */
	uint32_t entry_size; /* from one entry to the next; 0 if the table is empty */
	const char *layout;  /* which layout was recognised: "relative-12", "absolute-8" ... */
};

struct linux_metadata {
	struct linux_table exception_table, alternative_table, paravirt_table, smp_lock_table,
	    jump_table, bug_table, mcount_table, static_call_table, pci_fixup_table,
	    kprobe_blacklist_table;
	struct linux_table
	    smp_alternative_table; /* early 2.6; its entries are among the alternatives */
	struct exception_entry
	    *exceptions; /* as in the table: ascending instructions in a built kernel */
	size_t exception_count;
	struct alternative_entry *alternatives;
	size_t alternative_count;
	struct paravirt_entry *paravirt;
	size_t paravirt_count;
	struct jump_label_entry *jump_labels;
	size_t jump_label_count;
	struct bug_entry *bugs;
	size_t bug_count;
	struct place_list smp_locks, mcount, static_call_trampolines, kprobe_blacklist, pci_fixups;
	struct place_list static_calls; /* .static_call_sites, x86_64 only */
};

/*
 * Reads every table that the kernel has. One that is not Linux has at most an exception table, in a
 * section called __ex_table and in one of Linux's layouts; anything else of that name is no table.
 * Tables that neither a section header nor a symbol names are found by their structure: those that
 * have no section header of their own in any kernel; and, in a kernel without section headers, all
 * but .pci_fixup (__ex_table only if symbols say where the code is). What is not found has
 * linux_table.found false.
 * false: a table does not validate; *problem names table, entry and reason; nothing is allocated.
 * The result is ended with linux_metadata_free().
 */
bool linux_metadata_read(const struct kernel *kernel, struct linux_metadata *metadata,
                         struct problem *problem);
void linux_metadata_free(struct linux_metadata *metadata);

/*
 * Makes a module's metadata that of the same module with its sections at addresses (by ELF section
 * index): placed is the kernel that it is then. Places in other modules become address 0.
 */
void linux_metadata_place(struct linux_metadata *metadata, const struct kernel *module,
                          const uint32_t *addresses, const struct kernel *placed);

/*
 * The guest-virtual address of exported data or function `name`, through __ksymtab and
 * __ksymtab_gpl (all layouts: absolute, relative, with and without namespaces). false if it is not
 * exported or the tables do not validate.
 */
bool linux_exported_symbol(const struct kernel *kernel, const char *name, uint64_t *address);

#endif
