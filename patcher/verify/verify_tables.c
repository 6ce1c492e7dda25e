/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The records of sites and origins, and whether every sensitive instruction of the input has one.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/linux/exchange.h"
#include "patcher/verify/verify_private.h"

/* --- reading ---------------------------------------------------------------------------------- */

/* Copies count records of a table that begins at a guest-virtual address in .postburn.sites. */
static bool read_records(struct verifier *verifier, uint32_t address, uint32_t count, size_t size,
                         const char *what, void *records)
{
	const struct elf_view_section *section = verifier->sites_section;
	void *copy;

	if (address < section->address ||
	    !bytes_in_range(address - section->address, (uint64_t)count * size, section->size)) {
		verify_find(verifier, VERIFY_ROM, address, "%s are not in .postburn.sites", what);
		return false;
	}
	copy = malloc((size_t)count * size + 1);
	if (!copy)
		return verify_out_of_memory(verifier);
	if (count)
		memcpy(copy, section->bytes + (address - section->address), (size_t)count * size);
	memcpy(records, &copy, sizeof(copy));
	return true;
}

/* What .postburn.sites has besides the two tables. */
static void check_rest(struct verifier *verifier)
{
	const struct elf_view_section *section = verifier->sites_section;
	uint32_t sites = verifier->parameters.sites_virtual - section->address;
	uint32_t origins = verifier->parameters.origins_virtual - section->address;
	uint32_t sites_end = sites + (uint32_t)(verifier->site_count * sizeof(struct rom_site));
	uint32_t origins_end =
	    origins + (uint32_t)(verifier->origin_count * sizeof(struct rom_origin));

	if (sites < origins_end && origins < sites_end)
		verify_find(verifier, VERIFY_SITE, section->address, "the two tables overlap");
	for (uint32_t i = 0; i < section->size; i++)
		if ((i < sites || i >= sites_end) && (i < origins || i >= origins_end) &&
		    section->bytes[i]) {
			verify_find(verifier, VERIFY_SITE, section->address + i,
			            "%02x outside both tables", section->bytes[i]);
			return;
		}
}

static bool read_tables(struct verifier *verifier)
{
	const struct rom_parameters *parameters = &verifier->parameters;

	if (!read_records(verifier, parameters->sites_virtual, parameters->site_count,
	                  sizeof(struct rom_site), "the records of sites", &verifier->sites) ||
	    !read_records(verifier, parameters->origins_virtual, parameters->origin_count,
	                  sizeof(struct rom_origin), "the origins", &verifier->origins))
		return false;
	verifier->site_count = parameters->site_count;
	verifier->origin_count = parameters->origin_count;
	verifier->report->origins = parameters->origin_count;
	check_rest(verifier);
	return true;
}

/* --- sites ------------------------------------------------------------------------------------ */

const struct rom_site *verify_site_at(const struct verifier *verifier, uint32_t address)
{
	size_t low = 0, high = verifier->site_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verifier->sites[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < verifier->site_count && verifier->sites[low].address == address
	           ? &verifier->sites[low]
	           : NULL;
}

bool verify_keeps_native(const struct verifier *verifier, uint32_t address, uint16_t form)
{
	const struct verify_input *input = verifier->input;
	uint32_t properties = verifier->manifest.properties;

	return verifier->calls[sensitive_forms[form].call].action == ROM_ACTION_NONE ||
	       (!verifier->cpuid && verify_is_replacement(input, address)) ||
	       ((properties & ROM_KEEPS_FAULTING) && verify_is_faulting(input, address)) ||
	       ((properties & ROM_KEEPS_ENTRY_TEXT) &&
	        address - input->entry_text_start <
	            input->entry_text_end - input->entry_text_start);
}

/*
 * Where no jump fits, a ROM that owns the machine but not its traps leaves the native instruction:
 * it does what the slot would do. All but cpuid, whose answers must not differ from place to place.
 * In a module, where nothing can be made a trap, one that owns the traps carries out what faults.
 */
static bool may_be_left(const struct verifier *verifier, uint16_t form)
{
	uint16_t call = sensitive_forms[form].call;

	if (verifier->is_module && (verifier->manifest.properties & ROM_OWNS_TRAPS))
		return sensitive_forms[form].deprivileged == DEPRIVILEGED_FAULTS;
	return !(verifier->manifest.properties & ROM_OWNS_TRAPS) && call != VMI_CALL_CPUID &&
	       verifier->calls[call].action;
}

/* Fields that have to do with how the site was rewritten. */
static void check_method(struct verifier *verifier, const struct rom_site *site, uint16_t form)
{
	bool native = site->method == ROM_METHOD_NONE;
	bool may_stay = verify_keeps_native(verifier, site->address, form);

	if (site->method > ROM_METHOD_ALTERNATIVE) {
		verify_find(verifier, VERIFY_SITE, site->address, "method %u is none",
		            site->method);
		return;
	}
	if (site->method == ROM_METHOD_ALTERNATIVE) {
		if (!verifier->cpuid || !verify_is_inert(verifier, site->address))
			verify_find(verifier, VERIFY_SITE, site->address,
			            "the site is in no replacement that is never put in place");
		verifier->report->inert_sites++;
	}
	if (site->method == ROM_METHOD_TRAP && !(verifier->manifest.properties & ROM_OWNS_TRAPS))
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the site is to trap, but the ROM sees no traps");
	if (native && (may_stay || sensitive_forms[form].named)) {
		/* what is found by name only is an ordinary write, and right as it is */
		verifier->report->native_sites++;
	} else if (native) {
		verifier->report->unpatched_sites++;
		if (!(verifier->options & VERIFY_ALLOW_UNPATCHED) && !may_be_left(verifier, form))
			verify_find(verifier, VERIFY_SITE, site->address, "%s was left as it is",
			            sensitive_forms[form].mnemonic);
	}
	if (!native && may_stay)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "%s was rewritten, but the ROM wants it native",
		            sensitive_forms[form].mnemonic);
}

/* A window covers its site; where there is none, nothing is said of one. */
static void check_window_fields(struct verifier *verifier, const struct rom_site *site)
{
	const struct elf_view_section *text = verifier->text_section;
	bool boards = site->method == ROM_METHOD_SPRINGBOARD || site->method == ROM_METHOD_HOP ||
	              site->method == ROM_METHOD_RETARGET;

	if (!site->window_length) {
		if (boards || site->method == ROM_METHOD_IN_PLACE ||
		    site->method == ROM_METHOD_TRAP || site->springboard ||
		    site->window != site->address)
			verify_find(verifier, VERIFY_SITE, site->address,
			            "the record has no window, but tells of one");
		return;
	}
	if (site->address < site->window ||
	    site->address - site->window + site->length > site->window_length)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's window does not cover its site");
	if (boards != (site->springboard != 0) && site->method != ROM_METHOD_NONE)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's springboard is not one of its method");
	if (site->springboard && site->springboard - text->address >= text->size)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's springboard is not in .postburn.text");
}

/* A relocation in part of a module's instruction, or a relative one, has no like in the record.
 * Such an instruction stays. */
static bool may_be_unrelocated(const struct verifier *verifier, const struct rom_site *site)
{
	return verifier->is_module && site->method == ROM_METHOD_NONE && !site->window_length;
}

static bool check_site(struct verifier *verifier, const struct rom_site *site)
{
	struct instruction instruction;
	const uint8_t *bytes;
	uint16_t form;

	if (!verify_decode_input(verifier->input, site->address, &instruction, &bytes)) {
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record is of no instruction of the input");
		return false;
	}
	form = verify_recorded_form(site, &instruction, bytes);
	if (form == SENSITIVE_FORM_NONE) {
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record is of an instruction that need not be rewritten");
		return false;
	}
	if (site->call != sensitive_forms[form].call)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's call is %u, but %s becomes %u", site->call,
		            sensitive_forms[form].mnemonic, sensitive_forms[form].call);
	if (site->length != instruction.length || site->length > sizeof(site->original) ||
	    (memcmp(site->original, bytes, site->length) != 0 &&
	     !may_be_unrelocated(verifier, site))) {
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's bytes are not the input's");
	} else {
		for (unsigned int i = site->length; i < sizeof(site->original); i++)
			if (site->original[i])
				verify_find(verifier, VERIFY_SITE, site->address,
				            "the record has bytes behind the instruction's");
	}
	if (form == FORM_PTE_CALL_XCHG64 &&
	    !linux_exchanges_64_bits(
		verifier->input->kernel,
		(uint32_t)instruction_branch_target(&instruction, bytes, site->address)))
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record is of a call of no function that exchanges an entry");
	check_method(verifier, site, form);
	check_window_fields(verifier, site);
	return true;
}

static void check_sites(struct verifier *verifier)
{
	verifier->report->sites = verifier->site_count;
	for (size_t i = 0; i < verifier->site_count; i++) {
		const struct rom_site *site = &verifier->sites[i];

		if (i && site->address <= site[-1].address)
			verify_find(verifier, VERIFY_SITE, site->address,
			            "the records are not in the order of their addresses");
		check_site(verifier, site);
	}
}

/* Every sensitive instruction that the sweep of the input finds has its record. */
static void account(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->input->code_count; i++) {
		const struct verify_code *code = &verifier->input->code[i];

		for (size_t j = 0; j < code->sweep.site_count; j++) {
			const struct sweep_site *found = &code->sweep.sites[j];
			uint32_t address = (uint32_t)code->section->address + found->offset;

			if (sensitive_forms[found->form].rewrite &&
			    !verify_site_at(verifier, address))
				verify_find(verifier, VERIFY_SITE, address, "%s has no record",
				            sensitive_forms[found->form].mnemonic);
		}
	}
}

/* Whether a record is of a write to a page table. */
static bool is_named(const struct verifier *verifier, const struct rom_site *site)
{
	struct instruction instruction;
	const uint8_t *bytes;
	uint16_t form;

	if (!verify_decode_input(verifier->input, site->address, &instruction, &bytes))
		return false;
	form = verify_recorded_form(site, &instruction, bytes);
	return form != SENSITIVE_FORM_NONE && sensitive_forms[form].named;
}

/* Every write to a page table that is expected has its record, and no other has one. */
static void account_named(struct verifier *verifier)
{
	const struct verify_input *input = verifier->input;
	size_t next = 0;

	for (size_t i = 0; i < input->named_count; i++) {
		const struct rom_site *site = verify_site_at(verifier, input->named[i].address);

		if (!site || !is_named(verifier, site))
			verify_find(verifier, VERIFY_SITE, input->named[i].address,
			            "a write to a page table (%s) has no record",
			            input->named[i].origin);
	}
	for (size_t i = 0; i < verifier->site_count; i++) {
		const struct rom_site *site = &verifier->sites[i];

		while (next < input->named_count && input->named[next].address < site->address)
			next++;
		if ((next == input->named_count || input->named[next].address != site->address) &&
		    is_named(verifier, site))
			verify_find(verifier, VERIFY_SITE, site->address,
			            "nothing names this write to a page table");
	}
}

/* --- origins ---------------------------------------------------------------------------------- */

size_t verify_first_origin(const struct verifier *verifier, uint32_t springboard)
{
	size_t low = 0, high = verifier->origin_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verifier->origins[middle].springboard < springboard)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void check_origins(struct verifier *verifier)
{
	const struct elf_view_section *text = verifier->text_section;

	for (size_t i = 0; i < verifier->origin_count; i++) {
		const struct rom_origin *origin = &verifier->origins[i];

		if (i && origin->springboard <= origin[-1].springboard)
			verify_find(verifier, VERIFY_ORIGIN, origin->springboard,
			            "the origins are not in the order of their addresses");
		if (origin->reserved)
			verify_find(verifier, VERIFY_ORIGIN, origin->springboard,
			            "the origin's reserved byte is not 0");
		if (origin->springboard - text->address >= text->size)
			verify_find(verifier, VERIFY_ORIGIN, origin->springboard,
			            "the origin is not of .postburn.text");
	}
}

bool verify_tables(struct verifier *verifier)
{
	return verifier->has_parameters && read_tables(verifier) && verify_records(verifier);
}

bool verify_records(struct verifier *verifier)
{
	check_sites(verifier);
	check_origins(verifier);
	account(verifier);
	if (verifier->input->expects_named)
		account_named(verifier);
	return !verifier->report->out_of_memory;
}
