/* SPDX-License-Identifier: BSD-2-Clause */

/* `scan --explain`: the code around one address, and all that is known of it. */

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/scan/scan_report.h"

#define INSTRUCTIONS_AROUND 6

struct explained {
	struct scan_section *swept;
	uint32_t offset; /* in the section */
};

/* --- from the word given to a place ------------------------------------------------- */

/* The 0x... behind a +, or the whole word: true if all of text is one hexadecimal number. */
static bool parse_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isxdigit((unsigned char)*text))
		return false;
	*number = strtoull(text, &end, 16);
	return *end == '\0';
}

/* "name" or "name+0xoffset": a symbol, else a section, of that name. */
static const struct kernel_section *find_named(const struct kernel *kernel, const char *word,
                                               uint64_t *address)
{
	const struct kernel_symbol *symbol;
	const struct kernel_section *section;
	const char *plus = strrchr(word, '+');
	uint64_t offset = 0;
	char *name;

	if (plus && !parse_number(plus + 1, &offset))
		return NULL;
	name = strndup(word, plus ? (size_t)(plus - word) : strlen(word));
	if (!name)
		return NULL;
	symbol = kernel_find_symbol(kernel, name);
	section = symbol ? NULL : kernel_find_section(kernel, name);
	free(name);
	*address = offset + (symbol ? symbol->address : section ? section->address : 0);
	if (symbol && symbol->section != UINT32_MAX)
		section = &kernel->sections[symbol->section];
	return section;
}

static bool find_place(const struct scan *scan, const char *word, struct explained *place,
                       struct problem *problem)
{
	const struct kernel *kernel = scan->kernel;
	const struct kernel_section *section = NULL;
	uint64_t address;

	if (kernel->format != KERNEL_FORMAT_MODULE && parse_number(word, &address))
		section = kernel_section_at(kernel, address);
	else if (!(section = find_named(kernel, word, &address)))
		return problem_report(problem, EXPLAIN_NOT_AN_ADDRESS, word);
	place->swept = section ? scan_find_section(scan, section) : NULL;
	if (!place->swept || address < section->address ||
	    address - section->address >= section->size)
		return problem_report(problem, EXPLAIN_NOT_CODE, (unsigned long long)address);
	place->offset = (uint32_t)(address - section->address);
	return true;
}

/* --- the disassembly around it ------------------------------------------------------ */

/* The nearest instruction start at or before offset, or offset itself if there is none. */
static uint32_t start_at_or_before(const struct explained *place, uint32_t offset)
{
	for (uint32_t at = offset + 1; at-- > 0 && offset - at < INSTRUCTION_MAX_LENGTH;)
		if (bitmap_test(place->swept->sweep.starts, at))
			return at;
	return offset;
}

static uint32_t next_start(const struct explained *place, uint32_t offset)
{
	uint32_t size = (uint32_t)place->swept->section->size;

	do {
		offset++;
	} while (offset < size && !bitmap_test(place->swept->sweep.starts, offset));
	return offset;
}

static void write_line(FILE *stream, const struct scan_report *report,
                       const struct explained *place, uint32_t offset, uint32_t end, bool marked)
{
	const struct kernel_section *section = place->swept->section;
	size_t length =
	    end - offset > INSTRUCTION_MAX_LENGTH ? INSTRUCTION_MAX_LENGTH : end - offset;
	char hex[SITE_BYTES_HEX_SIZE], text[160];

	disasm_text_format(report->disassembler, section->bytes + offset, length,
	                   section->address + offset, text, sizeof(text));
	fprintf(stream, "%s %8" PRIx64 "  %-22s  %-36s%s%s\n", marked ? "->" : "  ",
	        section->address + offset, site_bytes(section->bytes + offset, length, hex), text,
	        bitmap_test(place->swept->sweep.targets, offset) ? " <- branch target" : "",
	        bitmap_test(place->swept->marks[MARK_EXCEPTION], offset) ? " [__ex_table]" : "");
}

static void write_disassembly(FILE *stream, const struct scan_report *report,
                              const struct explained *place)
{
	uint32_t size = (uint32_t)place->swept->section->size;
	uint32_t here = start_at_or_before(place, place->offset);
	uint32_t at = here;

	for (int i = 0; i < INSTRUCTIONS_AROUND && at > 0; i++)
		at = start_at_or_before(place, at - 1);
	for (int after = 0; at < size && after <= INSTRUCTIONS_AROUND;) {
		uint32_t end = next_start(place, at);

		write_line(stream, report, place, at, end, at == here);
		after += at >= here;
		at = end;
	}
}

/* --- what is known ------------------------------------------------------------------ */

static void write_form(FILE *stream, const struct scan_site *site)
{
	const struct sensitive_form *form = &sensitive_forms[site->form];

	fprintf(stream, "form          %s (%s, class %s)\n", form->name, form->mnemonic,
	        form->class_name);
	fprintf(stream, "deprivileged  %s: %s\n", deprivileged_behaviour_name(form->deprivileged),
	        form->deprivileged_reason);
	fprintf(stream, "Xen, ring 1   %s\n", form->xen);
	if (form->call)
		fprintf(stream, "call          %s (%u, slot at ROM + 0x%x)\n", form->call_name,
		        form->call, form->call * 32U);
	fprintf(stream, "rewrite       %s\n", form->rewrite ? "yes" : "no");
	fprintf(stream, "context       %s\n", scan_context_name(site->context));
}

static bool covers(const struct scan *scan, const struct code_place *place, unsigned int length,
                   const struct kernel_section *section, uint64_t address)
{
	return address >= place->address && address - place->address < length &&
	       (place->section == UINT32_MAX || &scan->kernel->sections[place->section] == section);
}

/* Every table entry about the bytes of the instruction at address. */
static void write_metadata(FILE *stream, const struct scan *scan,
                           const struct kernel_section *section, uint64_t address)
{
	const struct linux_metadata *metadata = &scan->metadata;

	for (size_t i = 0; i < metadata->exception_count; i++)
		if (covers(scan, &metadata->exceptions[i].instruction, 1, section, address))
			fprintf(stream,
			        "__ex_table    entry %zu: a fault here goes on at 0x%" PRIx64 "\n",
			        i, metadata->exceptions[i].fixup.address);
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		if (covers(scan, &entry->site, entry->site_length, section, address))
			fprintf(stream,
			        "alternative   entry %zu: %u bytes at 0x%" PRIx64
			        " are replaced if feature %u is present\n",
			        i, entry->site_length, entry->site.address, entry->feature);
		if (covers(scan, &entry->replacement, entry->replacement_length, section, address))
			fprintf(stream,
			        "alternative   entry %zu: replacement for 0x%" PRIx64
			        " if feature %u is present\n",
			        i, entry->site.address, entry->feature);
	}
	for (size_t i = 0; i < metadata->paravirt_count; i++)
		if (covers(scan, &metadata->paravirt[i].site, metadata->paravirt[i].length, section,
		           address))
			fprintf(stream, "paravirt      entry %zu, type %u\n", i,
			        metadata->paravirt[i].type);
	for (size_t i = 0; i < metadata->jump_label_count; i++)
		if (covers(scan, &metadata->jump_labels[i].code, metadata->jump_labels[i].length,
		           section, address))
			fprintf(stream, "jump label    entry %zu, target 0x%" PRIx64 "\n", i,
			        metadata->jump_labels[i].target.address);
}

/* An address that is no site: say what stands there. */
static void write_no_site(FILE *stream, const struct scan *scan, const struct explained *place,
                          uint64_t address)
{
	const struct kernel_section *section = place->swept->section;

	for (size_t i = 0; i < scan->range_count; i++) {
		const struct scan_range *range = &scan->ranges[i];

		if (range->section == section && address >= range->address &&
		    address - range->address < range->size) {
			fprintf(stream, "no site: %s, %" PRIu64 " bytes from 0x%" PRIx64 "\n",
			        sweep_range_reason_name(range->reason), range->size,
			        range->address);
			return;
		}
	}
	fprintf(stream, "no site: %s, and the instruction is not in the table of sensitive ones\n",
	        bitmap_test(place->swept->sweep.starts, place->offset)
	            ? "an instruction starts here"
	            : "this is inside an instruction");
}

bool scan_write_explanation(FILE *stream, const struct scan_report *report, const char *word,
                            struct problem *problem)
{
	const struct scan *scan = report->scan;
	const struct kernel_section *section;
	const struct scan_site *site;
	struct explained place;
	uint64_t address;
	char name[200];

	if (!find_place(scan, word, &place, problem))
		return false;
	section = place.swept->section;
	address = section->address + place.offset;
	site = scan_site_at(scan, section, address);
	write_disassembly(stream, report, &place);
	fprintf(stream, "\naddress       0x%" PRIx64 " in %s%s%s\n", site ? site->address : address,
	        section->name, site && site->symbol ? ", " : "",
	        site ? site_place(site, name, sizeof(name)) : "");
	if (site)
		write_form(stream, site);
	else
		write_no_site(stream, scan, &place, address);
	write_metadata(stream, scan, section, site ? site->address : address);
	return true;
}
