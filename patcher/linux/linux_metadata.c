/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux's tables in one model: what the readers of the single tables share, and their order. */

#include "patcher/linux/linux_metadata.h"

#include <stdlib.h>

#include "patcher/linux/linux_tables.h"

/* --- what the readers share ------------------------------------------------------------------- */

struct boundary_name {
	const char *name; /* behind its two underscores, with which all begin */
	enum table_boundary boundary;
	bool is_stop;
};

/* 6.1 include/asm-generic/vmlinux.lds.h, arch/x86/kernel/vmlinux.lds.S; 2.6.17
 * arch/i386/kernel/vmlinux.lds.S */
static const struct boundary_name boundary_names[] = {
    {"start___ex_table", BOUNDARY_EXCEPTIONS, false},
    {"stop___ex_table", BOUNDARY_EXCEPTIONS, true},
    {"alt_instructions", BOUNDARY_ALTERNATIVES, false},
    {"alt_instructions_end", BOUNDARY_ALTERNATIVES, true},
    {"smp_alt_instructions", BOUNDARY_SMP_ALTERNATIVES, false},
    {"smp_alt_instructions_end", BOUNDARY_SMP_ALTERNATIVES, true},
    {"parainstructions", BOUNDARY_PARAVIRT, false},
    {"parainstructions_end", BOUNDARY_PARAVIRT, true},
    {"smp_locks", BOUNDARY_SMP_LOCKS, false},
    {"smp_locks_end", BOUNDARY_SMP_LOCKS, true},
    {"start___jump_table", BOUNDARY_JUMP_LABELS, false},
    {"stop___jump_table", BOUNDARY_JUMP_LABELS, true},
    {"start___bug_table", BOUNDARY_BUGS, false},
    {"stop___bug_table", BOUNDARY_BUGS, true},
    {"start_mcount_loc", BOUNDARY_MCOUNT, false},
    {"stop_mcount_loc", BOUNDARY_MCOUNT, true},
    {"start_static_call_sites", BOUNDARY_STATIC_CALLS, false},
    {"stop_static_call_sites", BOUNDARY_STATIC_CALLS, true},
    {"start_kprobe_blacklist", BOUNDARY_KPROBE_BLACKLIST, false},
    {"stop_kprobe_blacklist", BOUNDARY_KPROBE_BLACKLIST, true},
    {"start___ksymtab", BOUNDARY_KSYMTAB, false},
    {"stop___ksymtab", BOUNDARY_KSYMTAB, true},
    {"start___ksymtab_gpl", BOUNDARY_KSYMTAB_GPL, false},
    {"stop___ksymtab_gpl", BOUNDARY_KSYMTAB_GPL, true},
};

static void note_boundary(struct table_reader *reader, const struct kernel_symbol *symbol)
{
	for (size_t i = 0; i < sizeof(boundary_names) / sizeof(boundary_names[0]); i++) {
		const struct boundary_name *known = &boundary_names[i];

		if (strcmp(symbol->name + 2, known->name) != 0)
			continue;
		if (known->is_stop) {
			reader->boundaries[known->boundary].stop_known = true;
			reader->boundaries[known->boundary].stop = symbol->address;
		} else {
			reader->boundaries[known->boundary].start_known = true;
			reader->boundaries[known->boundary].start = symbol->address;
		}
		return;
	}
	if (strcmp(symbol->name, "__fentry__") == 0)
		reader->mcount = symbol->address;
}

static void note_symbols(struct table_reader *reader)
{
	const struct kernel *kernel = reader->kernel;

	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const char *name = kernel->symbols[i].name;

		if (name[0] == '_' && name[1] == '_')
			note_boundary(reader, &kernel->symbols[i]);
		else if (name[0] == 'm' && strcmp(name, "mcount") == 0)
			reader->mcount = kernel->symbols[i].address;
	}
}

/* Whether section headers, or symbols where there are none, say that it is code. */
static bool code_is_certain(const struct kernel_section *section)
{
	return section->executable && (section->index != UINT32_MAX || section->name[0]);
}

/* The sections that hold code; those made from segments may, as nothing says what is in them. */
static bool note_code(struct table_reader *reader)
{
	const struct kernel *kernel = reader->kernel;

	if (kernel->section_count == 0)
		return true;
	reader->code = malloc(kernel->section_count * sizeof(*reader->code));
	if (!reader->code)
		return problem_report(reader->problem, OUT_OF_MEMORY);
	reader->is_headless = true;
	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];
		struct code_range *range = &reader->code[reader->code_count];

		if (section->index != UINT32_MAX && section->name[0])
			reader->is_headless = false;
		if (!section->bytes || !section->size ||
		    !(section->executable || section->index == UINT32_MAX))
			continue;
		*range = (struct code_range){.address = section->address,
		                             .size = section->size,
		                             .bytes = section->bytes,
		                             .section = (uint32_t)i,
		                             .certain = code_is_certain(section)};
		reader->has_certain |= range->certain;
		reader->code_count++;
	}
	return true;
}

static bool reader_open(struct table_reader *reader, const struct kernel *kernel,
                        struct problem *problem)
{
	*reader = (struct table_reader){.kernel = kernel,
	                                .problem = problem,
	                                .is_module = kernel->format == KERNEL_FORMAT_MODULE};
	if (reader->is_module)
		return module_symbols_open(kernel, &reader->symbols, problem);
	note_symbols(reader);
	return note_code(reader);
}

static void reader_close(struct table_reader *reader)
{
	free(reader->code);
	free(reader->locked_sites);
	if (reader->is_module)
		module_symbols_close(&reader->symbols);
}

/* A module is Linux's; other systems' modules have no sections of these names. */
static bool is_linux(const struct kernel *kernel)
{
	return kernel->linux_version != 0 || kernel->format == KERNEL_FORMAT_MODULE;
}

/* --- the interface ---------------------------------------------------------------------------- */

typedef bool table_reader_function(struct table_reader *reader, struct linux_metadata *metadata);

static table_reader_function *const readers[] = {
    exception_table_read, alternatives_read,     paravirt_read, smp_locks_read,
    jump_labels_read,     bug_table_read,        mcount_read,   static_calls_read,
    pci_fixups_read,      kprobe_blacklist_read,
};

/*
 * Another system's kernel may have an exception table as Linux has it: in a section of that name,
 * in a layout that Linux had at some time. Anything else of that name is none.
 */
static bool read_exceptions_alone(const struct kernel *kernel, struct linux_metadata *metadata,
                                  struct problem *problem)
{
	struct table_reader reader;
	struct problem layout_problem;
	bool done;

	if (!kernel_find_section(kernel, "__ex_table"))
		return true;
	done = reader_open(&reader, kernel, problem);
	reader.metadata = metadata;
	reader.problem = &layout_problem;
	if (done && !exception_table_read(&reader, metadata)) {
		linux_metadata_free(metadata);
		if (layout_problem.diagnostic == DIAGNOSTIC_OUT_OF_MEMORY)
			done = problem_report(problem, OUT_OF_MEMORY);
	}
	reader_close(&reader);
	return done;
}

bool linux_metadata_read(const struct kernel *kernel, struct linux_metadata *metadata,
                         struct problem *problem)
{
	struct table_reader reader;
	bool done;

	*metadata = (struct linux_metadata){.exceptions = NULL};
	if (!is_linux(kernel))
		return read_exceptions_alone(kernel, metadata, problem);
	done = reader_open(&reader, kernel, problem);
	reader.metadata = metadata;
	for (size_t i = 0; done && i < sizeof(readers) / sizeof(readers[0]); i++)
		done = readers[i](&reader, metadata);
	reader_close(&reader);
	if (!done)
		linux_metadata_free(metadata);
	return done;
}

void linux_metadata_free(struct linux_metadata *metadata)
{
	free(metadata->exceptions);
	free(metadata->alternatives);
	free(metadata->paravirt);
	free(metadata->jump_labels);
	free(metadata->bugs);
	free(metadata->smp_locks.places);
	free(metadata->mcount.places);
	free(metadata->static_call_trampolines.places);
	free(metadata->kprobe_blacklist.places);
	free(metadata->pci_fixups.places);
	free(metadata->static_calls.places);
	*metadata = (struct linux_metadata){.exceptions = NULL};
}

bool linux_exported_symbol(const struct kernel *kernel, const char *name, uint64_t *address)
{
	struct table_reader reader;
	struct problem problem;
	bool found = false, done;

	if (!is_linux(kernel) || kernel->format == KERNEL_FORMAT_MODULE)
		return false;
	done = reader_open(&reader, kernel, &problem);
	for (int gpl = 0; done && !found && gpl <= 1; gpl++) {
		struct ksymtab ksymtab = {.symbols = NULL};

		done = ksymtab_read(&reader, gpl, &ksymtab);
		for (size_t i = 0; done && !found && i < ksymtab.count; i++) {
			if (strcmp(ksymtab.symbols[i].name, name) != 0)
				continue;
			*address = ksymtab.symbols[i].address;
			found = true;
		}
		free(ksymtab.symbols);
	}
	reader_close(&reader);
	return found;
}
