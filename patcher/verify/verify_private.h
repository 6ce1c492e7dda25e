/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_PRIVATE_H
#define PATCHER_VERIFY_PRIVATE_H

/* What the parts of verify share; each file's part is under its name. */

#include "disasm/sweep.h"
#include "patcher/hash.h"
#include "patcher/linux/linux_metadata.h"
#include "patcher/verify/libelf_reader.h"
#include "patcher/verify/verify.h"
#include "patcher/verify/verify_machine.h"
#include "patchtables/rom_abi.h"
#include "patchtables/vmi_calls.h"

/* --- the input -------------------------------------------------------------------------------- */

struct verify_code { /* an executable section */
	const struct kernel_section *section;
	struct sweep_result sweep;
	uint32_t *starts; /* functions, as offsets: what the sweep was given */
	size_t start_count;
};

struct verify_range { /* [start, end) of guest-virtual addresses */
	uint32_t start, end;
	const char *why;
	bool may_begin;       /* a window may begin with its one byte */
	uint32_t alternative; /* the number of the entry whose site it is, plus one; or 0 */
};

struct verify_input {
	const struct kernel *kernel;
	struct elf_view view;         /* of kernel->image */
	char sha256[SHA256_HEX_SIZE]; /* of the file */
	struct linux_metadata metadata;
	struct verify_code *code;
	size_t code_count;
	/* What the kernel finds or rewrites by address: ascending starts. */
	struct verify_range *fixed;
	size_t fixed_count;
	uint32_t *fixups; /* of __ex_table, ascending; as many as exceptions */
	uint32_t entry_text_start, entry_text_end; /* empty if not known */
	bool expects_named;                        /* the next two are given */
	const struct verify_named_site *named;     /* ascending addresses */
	size_t named_count;
	uint32_t *far_targets; /* of branches from another section, ascending */
	size_t far_target_count;
};

/*
 * The input's view of an image, and metadata that was read by other means, which becomes the
 * input's. NULL: *problem.
 */
struct verify_input *verify_input_open_with(const struct kernel *kernel,
                                            const struct linux_metadata *metadata,
                                            struct problem *problem);

/* verify_fixed.c: fills fixed and fixups, sorts the exceptions. false: *problem. */
bool verify_collect_fixed(struct verify_input *input, struct problem *problem);

/* The code section that holds address, or NULL. */
const struct verify_code *verify_code_at(const struct verify_input *input, uint32_t address);

/* Decodes the input's instruction at address; *bytes are the input's from there on. false if the
 * sweep sees none there. */
bool verify_decode_input(const struct verify_input *input, uint32_t address,
                         struct instruction *instruction, const uint8_t **bytes);

/* The form that must be rewritten, or SENSITIVE_FORM_NONE. */
uint16_t verify_rewritten_form(const struct instruction *instruction, const uint8_t *bytes);

/*
 * The form of a record's instruction: one that must be rewritten or, where the record's call is
 * that of a write to a page table, of such a write. Which instructions are some is not known from
 * them.
 */
uint16_t verify_recorded_form(const struct rom_site *site, const struct instruction *instruction,
                              const uint8_t *bytes);

/* Whether a direct branch of the input leads to address. */
bool verify_is_branch_target(const struct verify_input *input, uint32_t address);

/* Whether some entry of __ex_table goes on at address after a fault. */
bool verify_is_fixup(const struct verify_input *input, uint32_t address);

/* Whether it is an instruction of __ex_table; is in an alternative's replacement. */
bool verify_is_faulting(const struct verify_input *input, uint32_t address);
bool verify_is_replacement(const struct verify_input *input, uint32_t address);

/*
 * What of registers and status flags the input may still read behind an instruction: registers by
 * number, and ROM_CLOBBERS_FLAGS.
 */
#define VERIFY_ALL_LIVE UINT32_MAX
uint32_t verify_live_behind(const struct verify_input *input, uint32_t address, uint32_t length);

/* Sweeps one section of the output as its input was. */
bool verify_sweep(const struct verify_code *code, const uint8_t *bytes,
                  struct sweep_result *result);

/* --- the output ------------------------------------------------------------------------------- */

struct verify_call {    /* of the ROM's manifest */
	uint8_t action; /* ROM_ACTION_*, 0 if not offered */
	uint8_t inline_size;
	uint8_t inline_bytes[24];
	uint32_t clobbers;
	bool out_of_line;                               /* its code does not fit into its slot */
	const struct vmi_call_description *description; /* NULL where there is no such call */
};

/* A stretch of a springboard that stands for one instruction, by its origins. */
struct verify_segment {
	uint32_t begin, end; /* guest-virtual */
	uint32_t original;
};

struct verify_window {
	uint32_t start, end; /* bytes replaced; end 0: not known yet */
	uint32_t springboard;
	uint32_t limit;    /* where the next springboard begins, or .postburn.text ends */
	uint32_t code_end; /* of the springboard, behind its last instruction */
	uint32_t first_segment, segment_count;
	uint32_t hop;  /* address of a jmp rel32 between start and springboard, or 0 */
	bool in_place; /* no springboard: the code stands in the window */
	bool traps;    /* nor that: the site traps */
	bool has_site; /* some record names it */
};

/* Where an instruction that has moved can be entered. */
struct verify_entry {
	uint32_t original, springboard;
};

struct verifier {
	const struct verify_input *input;
	struct elf_view out;
	const uint8_t *out_bytes;
	size_t out_size;
	unsigned int options; /* VERIFY_ALLOW_UNPATCHED ... */
	struct verify_report *report;
	struct problem *problem;

	/* verify_rom.c */
	struct elf_view rom; /* the object */
	struct rom_manifest manifest;
	struct verify_call calls[ROM_SLOT_COUNT];
	uint32_t
	    *places; /* by section of the object: its guest-virtual address, 0 if it has none */
	struct rom_parameters parameters;
	bool has_parameters;

	const struct elf_view_section *cpuid; /* of the ROM: .rom_cpuid, or NULL */

	uint8_t *fates; /* verify_alternatives.c: VERIFY_LIVE ..., by the input's alternatives */

	/* verify_file.c: the added segment and its sections; NULL if missing */
	const struct elf_view_segment *added;
	uint32_t guest_offset; /* the guest's virtual minus physical address */
	uint32_t guest_end;    /* physical, page-aligned, behind its last segment */
	bool for_xen;          /* the ROM is */
	uint32_t top;          /* guest-virtual, of the __FIXADDR_TOP that must be changed, or 0 */
	const struct elf_view_section *rom_section, *wedge_section, *text_section, *sites_section;

	/* verify_tables.c */
	struct rom_site *sites;
	size_t site_count;
	struct rom_origin *origins;
	size_t origin_count;

	/* verify_windows.c: ascending starts, no two overlap */
	struct verify_window *windows;
	size_t window_count, window_capacity;
	struct verify_segment *segments;
	size_t segment_count;
	struct verify_entry *entries; /* ascending originals */
	size_t entry_count, entry_capacity;

	bool is_module; /* there is no added segment: what it would have is given */
	struct term_table terms;
};

/* Adds a finding; printf-like. */
void verify_find(struct verifier *verifier, enum verify_subject subject, uint32_t address,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Notes that memory ran out; false. */
bool verify_out_of_memory(struct verifier *verifier);

/* --- verify.c --------------------------------------------------------------------------------- */

/* Records, windows, springboards, references: of what is loaded. */
void verify_loaded(struct verifier *verifier);
/* Gives back what it holds, and itself. */
void verify_end(struct verifier *verifier);

/* --- verify_file.c ---------------------------------------------------------------------------- */

/* ELF headers, segments, sections; finds the added ones. false: nothing else can be looked at. */
bool verify_file(struct verifier *verifier);
/* verify_layout.c: every byte of the file belongs to something. */
void verify_layout(struct verifier *verifier);

/* --- verify_notes.c --------------------------------------------------------------------------- */

/* The notes and symbols; once windows and the ROM are known. */
void verify_notes(struct verifier *verifier);
void verify_symbols(struct verifier *verifier);

/* --- verify_xen.c ----------------------------------------------------------------------------- */

/* The added segment's place; guest_end is known. */
void verify_xen_segment(struct verifier *verifier);
/* The notes for Xen's domain builder. */
void verify_xen_notes(struct verifier *verifier);
/* Finds the word of Linux that says where its fixmap ends: verifier->top. */
void verify_find_top(struct verifier *verifier);
/* The word is what it must be. */
void verify_top(struct verifier *verifier);

/* --- verify_rom.c ----------------------------------------------------------------------------- */

/* Reads object and manifest. false: *problem. */
bool verify_rom_open(struct verifier *verifier, const struct verify_rom_file *file);
void verify_rom_close(struct verifier *verifier);
/* Slots, bodies, wedge and parameters of the output. */
void verify_rom(struct verifier *verifier);
/* The guest-virtual address of a symbol of the ROM; 0 if it is undefined or has no place. */
uint32_t verify_rom_symbol(const struct verifier *verifier, const struct elf_view_symbol *symbol);
/* The slot at address: its number, or 0. */
uint32_t verify_slot_at(const struct verifier *verifier, uint32_t address);

/* --- verify_alternatives.c -------------------------------------------------------------------- */

enum { VERIFY_LIVE, VERIFY_HIDDEN, VERIFY_DISARMED };

/* Fills the fates; entries that are to be disarmed are. */
bool verify_alternatives(struct verifier *verifier);
/* Whether address is in a replacement that is never put in place. */
bool verify_is_inert(const struct verifier *verifier, uint32_t address);
/* Whether address is one of the lengths of an entry that is to be disarmed. */
bool verify_is_disarmed(const struct verifier *verifier, uint32_t address);

/* --- verify_tables.c -------------------------------------------------------------------------- */

/* Reads and checks the records; then every sensitive instruction must have one. */
bool verify_tables(struct verifier *verifier);
/* The same with records that are there already. */
bool verify_records(struct verifier *verifier);
/* The record of the site at address, or NULL. */
const struct rom_site *verify_site_at(const struct verifier *verifier, uint32_t address);
/* The index of the first origin whose place is not below springboard. */
size_t verify_first_origin(const struct verifier *verifier, uint32_t springboard);
/* Whether the site there stays native because of the ROM. */
bool verify_keeps_native(const struct verifier *verifier, uint32_t address, uint16_t form);

/* --- verify_windows.c ------------------------------------------------------------------------- */

/* Finds every window and takes its springboard apart. */
bool verify_windows(struct verifier *verifier);
/* The window that has address among its bytes, or NULL. */
const struct verify_window *verify_window_at(const struct verifier *verifier, uint32_t address);
/* Whether a window or hop has replaced the byte at address and a jump to it would go wrong. */
bool verify_is_inside(const struct verifier *verifier, uint32_t address);
/* Whether a jump to now does what one to before did in the input. */
bool verify_same_target(const struct verifier *verifier, uint32_t before, uint32_t now);
bool verify_add_entry(struct verifier *verifier, uint32_t original, uint32_t springboard);
/* The bytes of the output at a guest-virtual address, or NULL. */
const uint8_t *verify_out_bytes(const struct verifier *verifier, uint32_t address, uint32_t size);

/* --- verify_springboard.c --------------------------------------------------------------------- */

/* Which segments stand for which instructions: fills the entries, and the window's end if no record
 * has told it. */
void verify_springboard_entries(struct verifier *verifier, struct verify_window *window);
/* What they do. */
void verify_springboard(struct verifier *verifier, struct verify_window *window);

/* --- verify_references.c ---------------------------------------------------------------------- */

/* Bytes that differ, and what leads to replaced ones. */
void verify_bytes(struct verifier *verifier);
void verify_references(struct verifier *verifier);

#endif
