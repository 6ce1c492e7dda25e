/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_LINUX_TABLES_H
#define PATCHER_LINUX_TABLES_H

/*
 * The inside of linux_metadata.c: how one of Linux's tables is found, how its
 * layout is recognised, and what a table family says about itself.
 *
 * A family (exception table, alternatives, ...) is a list of layouts, one for
 * each form that the entry had from Linux 2.6 on. A layout decodes and
 * validates one entry. The layout taken is the one in which every entry of the
 * table validates; the kernel's version only decides between two that do.
 */

#include "patcher/bytes.h"
#include "patcher/linux/linux_metadata.h"

#define LINUX_RELEASE(major, minor, patch) ((uint32_t)((major) << 16 | (minor) << 8 | (patch)))
#define LINUX_RELEASE_ANY                  UINT32_MAX /* as a layout's `until`: still in use */

/* An entry in the model is at most this long (bytes). */
#define TABLE_ENTRY_MEMORY_MAXIMUM 96

struct code_range { /* a section that may hold code, in a built kernel */
	uint64_t address, size;
	const uint8_t *bytes;
	uint32_t section;
	bool certain; /* a section header or symbols say that it does */
};

struct module_symbols { /* .symtab of a module, for its relocations */
	const uint8_t *bytes;
	size_t count, entry_size;
	bool is_64bit;
	uint32_t *sections; /* ELF section index -> index into kernel.sections */
	size_t section_count;
};

enum table_boundary { /* the symbols that the linker script puts around a table */
	              BOUNDARY_NONE,
	              BOUNDARY_EXCEPTIONS,
	              BOUNDARY_ALTERNATIVES,
	              BOUNDARY_SMP_ALTERNATIVES,
	              BOUNDARY_PARAVIRT,
	              BOUNDARY_SMP_LOCKS,
	              BOUNDARY_JUMP_LABELS,
	              BOUNDARY_BUGS,
	              BOUNDARY_MCOUNT,
	              BOUNDARY_STATIC_CALLS,
	              BOUNDARY_KPROBE_BLACKLIST,
	              BOUNDARY_KSYMTAB,
	              BOUNDARY_KSYMTAB_GPL,
	              BOUNDARY_COUNT
};

struct table_reader {
	const struct kernel *kernel;
	struct problem *problem;
	const struct linux_metadata *metadata; /* what has been read so far */
	bool is_module;
	struct code_range *code; /* ascending addresses; none in a module */
	size_t code_count, last_code;
	bool is_headless; /* no section has a name from a section header */
	bool has_certain; /* some code is certain */
	struct module_symbols symbols;
	struct {
		bool start_known, stop_known;
		uint64_t start, stop;
	} boundaries[BOUNDARY_COUNT];
	uint64_t mcount; /* address of __fentry__ or mcount, 0 if no symbol tells */
	const struct kernel_section *replacements; /* .altinstr_replacement, NULL if unknown */
	/* sites whose alternative begins with a lock prefix, ascending */
	struct code_place *locked_sites;
	size_t locked_site_count;
};

struct table_source { /* where a table stands */
	const struct kernel_section *section;
	uint64_t address; /* of its first byte; in modules the offset in its section */
	const uint8_t *bytes;
	uint64_t size;
	bool by_structure;
	/* in modules: the relocations of its section, ascending */
	const struct kernel_relocation *relocations;
	size_t relocation_count;
};

/* One entry being decoded. */
struct table_cursor {
	struct table_reader *reader;
	const struct table_source *source;
	const struct table_layout *layout;
	uint64_t offset;      /* of the entry in the table */
	const uint8_t *bytes; /* of the entry */
	bool searching;       /* the table is being looked for, not read */
	bool lenient;         /* as part of a run that has begun: code need not be certain */
	/* what one entry tells the next ones; zero before the first */
	bool ended;             /* only padding may follow */
	uint64_t common_target; /* where all calls of the table go */
	/* why the entry was refused */
	const char *reason;
	uint64_t value;
};

enum entry_verdict {
	ENTRY_VALID,
	ENTRY_EMPTY, /* padding or a place that Linux skips: not in the model */
	ENTRY_INVALID
};

enum pointer_form {
	POINTER_ABSOLUTE,
	POINTER_RELATIVE /* to the word itself */
};

struct table_layout {
	const char *name;
	uint8_t word_size;      /* 4: only 32-bit kernels, 8: only 64-bit, 0: both */
	enum pointer_form form; /* of the first field, the instruction's address */
	uint8_t first_size;     /* bytes of the first field */
	uint8_t entry_size;     /* bytes from one entry to the next */
	uint8_t content_size;   /* without the padding that the last entry may lack */
	uint32_t since, until;  /* the releases that have it: [since, until) */
	enum entry_verdict (*decode)(struct table_cursor *cursor, void *entry,
	                             const void *previous);
};

struct table_family;

/*
 * Looks for a table that neither a section header nor a symbol names. source->bytes stays NULL if
 * it is not found. false: two places look like the table.
 */
typedef bool table_search_function(struct table_reader *reader, const struct table_family *family,
                                   struct table_source *source);

struct table_family {
	const char *name;    /* for messages */
	const char *section; /* NULL if no linker script gives it one */
	enum table_boundary boundary;
	const struct table_layout *layouts;
	size_t layout_count;
	size_t entry_memory; /* sizeof the model's entry */
	/* in built kernels only; NULL: the table is not searched for */
	table_search_function *search;
	/* for table_search() */
	uint32_t search_minimum; /* a run of fewer entries is no table */
	uint32_t search_alignment;
	bool search_anything; /* the first field is no pointer to code */
	/* cuts what was found to what certainly is the table; NULL if nothing is to cut */
	void (*narrow)(struct table_reader *reader, struct table_source *source);
};

/* --- linux_tables.c: reading ------------------------------------------------------------------ */

/*
 * Finds and reads the family's table. true with table->found false: the kernel has none. true:
 * *entries (malloc'ed, NULL if *count is 0) are the model's entries. false: *reader->problem says
 * what does not validate.
 */
bool table_read(struct table_reader *reader, const struct table_family *family,
                struct linux_table *table, void **entries, size_t *count);

/* The same for a place_list. */
bool table_read_places(struct table_reader *reader, const struct table_family *family,
                       struct linux_table *table, struct place_list *list);

/*
 * Where the family's table stands by section or symbols; source->bytes is NULL if neither tells.
 * false: they contradict the image.
 */
bool table_locate(struct table_reader *reader, const struct table_family *family,
                  struct table_source *source);

/* The first of a module's relocations whose section is `section` or a later one. */
size_t reader_relocations(const struct table_reader *reader, uint32_t section);

/* Whether the layout can be in a kernel of this class at all. */
bool table_layout_suits(const struct table_reader *reader, const struct table_layout *layout);

/* --- table_cursor.c: the fields of an entry --------------------------------------------------- */

/* Refuses the entry: `reason` is a sentence's tail such as "the site is not in code". */
enum entry_verdict cursor_refuse(struct table_cursor *cursor, const char *reason, uint64_t value);

/* A module's relocation at `at` in the entry, NULL if there is none. */
const struct kernel_relocation *cursor_relocation(const struct table_cursor *cursor, uint32_t at);

/* The first field as a number. */
uint64_t cursor_word(const struct table_cursor *cursor);

/*
 * Where the pointer of `size` bytes at `at` in the entry leads: its word in a built kernel, its
 * relocation in a module. false (and refused) if a module has no relocation there. place->section
 * is known in modules only; UINT32_MAX there means a symbol of another module.
 */
bool cursor_pointer(struct table_cursor *cursor, uint32_t at, uint32_t size, enum pointer_form form,
                    struct code_place *place);

/* The same with the form and size of the layout's first field. */
bool cursor_site(struct table_cursor *cursor, uint32_t at, struct code_place *place);

/*
 * The length bytes of code at *place, which gets its section; NULL if they are not all in one
 * section of code. The length may be 0.
 */
const uint8_t *reader_code(struct table_reader *reader, struct code_place *place, uint64_t length);

/* The same; while a table is being looked for, only in code that is certain, if any is. */
const uint8_t *cursor_code(const struct table_cursor *cursor, struct code_place *place,
                           uint64_t length);

/* Whether *place is in allocated memory that is not code; sets its section. */
bool reader_data(struct table_reader *reader, struct code_place *place);

/* The bytes from *place to the end of its section and their number; NULL if it has none. */
const uint8_t *reader_bytes(struct table_reader *reader, const struct code_place *place,
                            uint64_t *size);

/*
 * Where the 5-byte direct branch (e8, e9) or 2-byte jump (eb) at *place, whose bytes are `bytes`,
 * goes. In modules through its relocation, if it has one. false if that is not known.
 */
bool reader_branch_target(struct table_reader *reader, const struct code_place *place,
                          const uint8_t *bytes, struct code_place *target);

/* --- table_search.c: tables with neither section nor symbol ----------------------------------- */

/* Finds the longest run of entries, of family->search_minimum at least, in the kernel's data. */
table_search_function table_search;

/* The same for tables that have a section header wherever there are any. */
table_search_function table_search_headless;

/* Whether tables are looked for in that section. */
bool table_search_suits(const struct table_reader *reader, const struct kernel_section *section);

/* --- module_symbols.c ------------------------------------------------------------------------- */

/* Reads the symbol table of a module's image. false: *problem says what is wrong with it. */
bool module_symbols_open(const struct kernel *kernel, struct module_symbols *symbols,
                         struct problem *problem);
void module_symbols_close(struct module_symbols *symbols);

/* Where symbol number `index` stands: false if there is no such symbol. The section is UINT32_MAX
 * for symbols of other modules. */
bool module_symbols_place(const struct module_symbols *symbols, uint32_t index,
                          struct code_place *place);

/* --- one file a table family ------------------------------------------------------------------ */

bool exception_table_read(struct table_reader *reader, struct linux_metadata *metadata);
bool alternatives_read(struct table_reader *reader, struct linux_metadata *metadata);
bool paravirt_read(struct table_reader *reader, struct linux_metadata *metadata);
bool jump_labels_read(struct table_reader *reader, struct linux_metadata *metadata);
bool bug_table_read(struct table_reader *reader, struct linux_metadata *metadata);

bool smp_locks_read(struct table_reader *reader,
                    struct linux_metadata *metadata); /* after the alternatives */
bool mcount_read(struct table_reader *reader, struct linux_metadata *metadata);
bool pci_fixups_read(struct table_reader *reader, struct linux_metadata *metadata);
bool kprobe_blacklist_read(struct table_reader *reader,
                           struct linux_metadata *metadata); /* after mcount */
bool static_calls_read(struct table_reader *reader, struct linux_metadata *metadata);

/* ksymtab.c */
struct exported_symbol {
	uint64_t address;
	const char *name; /* in the image */
};

struct ksymtab {
	struct linux_table table;
	struct exported_symbol *symbols; /* the caller frees it */
	size_t count;
};

/* Reads __ksymtab, or __ksymtab_gpl. */
bool ksymtab_read(struct table_reader *reader, bool gpl, struct ksymtab *ksymtab);

#endif
