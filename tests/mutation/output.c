/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mutation/output.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/decode.h"
#include "patcher/hash.h"
#include "patcher/patch/patch.h"
#include "patcher/pte/named_sites.h"
#include "patcher/rom/rom_private.h"

/* --- making ----------------------------------------------------------------------------------- */

static bool complain(const char *path, const struct problem *problem)
{
	problem_print(stderr, path, problem);
	return false;
}

/* Writes what patch_kernel() made into memory. */
static bool write_memory(struct output *output, const struct patch *patch, struct problem *problem)
{
	char sha256[SHA256_HEX_SIZE], *bytes = NULL;
	FILE *stream = open_memstream(&bytes, &output->written);
	bool done;

	if (!stream)
		return problem_report(problem, OUT_OF_MEMORY);
	hash_bytes(patch->kernel->file, patch->kernel->file_size, sha256);
	done = patch_write(stream, patch, sha256, problem);
	if (fclose(stream) && done)
		done = problem_report(problem, OUT_OF_MEMORY);
	output->whole = (uint8_t *)bytes;
	output->size = output->written;
	output->bytes = done ? malloc(output->written) : NULL;
	if (output->bytes)
		memcpy(output->bytes, output->whole, output->written);
	return done && output->bytes;
}

/* Tells verify what the scan was told. */
static bool expect_named(struct output *output, const struct extra_sites *list,
                         struct problem *problem)
{
	output->named = calloc(list->count + 1, sizeof(*output->named));
	if (!output->named)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < list->count; i++)
		output->named[i] =
		    (struct verify_named_site){(uint32_t)list->sites[i].address, "named"};
	verify_input_expect(output->input, output->named, list->count);
	return true;
}

static bool rewrite_scanned(struct output *output, const struct scan *scan, const char *name,
                            struct problem *problem)
{
	struct patch patch;
	struct rom rom;
	bool done = false;

	if (!rom_read(name, &rom, problem))
		return false;
	for (unsigned int i = 0; i < ROM_SLOT_COUNT; i++)
		output->clobbers[i] = rom.calls[i].clobbers;
	if (patch_kernel(&output->kernel, scan, &rom, &patch, problem)) {
		done = write_memory(output, &patch, problem);
		patch_free(&patch);
	}
	rom_free(&rom);
	return done;
}

static bool rewrite(struct output *output, const char *name, struct problem *problem)
{
	struct named_sites named;
	struct scan scan;
	bool done;

	if (!scan_kernel(&output->kernel, &scan, problem))
		return false;
	done = named_sites_add(&scan, "auto", NULL, &named, problem) &&
	       expect_named(output, &named.list, problem) &&
	       rewrite_scanned(output, &scan, name, problem);
	scan_free(&scan);
	named_sites_free(&named);
	return done;
}

/* --- its parts -------------------------------------------------------------------------------- */

uint32_t output_word(const struct output *output, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, output->bytes + offset, sizeof(word));
	return word;
}

static Elf32_Shdr section_header(const struct output *output, uint32_t index)
{
	Elf32_Shdr section;

	memcpy(&section, output->whole + output->sections.offset + index * sizeof(section),
	       sizeof(section));
	return section;
}

static bool find_section(const struct output *output, const char *name, struct part *part)
{
	Elf32_Ehdr header;
	Elf32_Shdr names;

	memcpy(&header, output->whole, sizeof(header));
	names = section_header(output, header.e_shstrndx);
	for (uint32_t i = 0; i < header.e_shnum; i++) {
		Elf32_Shdr section = section_header(output, i);

		if (strcmp((const char *)output->whole + names.sh_offset + section.sh_name, name) !=
		    0)
			continue;
		*part = (struct part){section.sh_offset, section.sh_size, section.sh_addr};
		return true;
	}
	fprintf(stderr, "no section %s\n", name);
	return false;
}

static void find_headers(struct output *output)
{
	Elf32_Ehdr header;

	memcpy(&header, output->whole, sizeof(header));
	output->programs =
	    (struct part){header.e_phoff, header.e_phnum * (uint32_t)sizeof(Elf32_Phdr), 0};
	output->sections =
	    (struct part){header.e_shoff, header.e_shnum * (uint32_t)sizeof(Elf32_Shdr), 0};
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		Elf32_Phdr program;

		memcpy(&program, output->whole + header.e_phoff + i * sizeof(program),
		       sizeof(program));
		/* Ours are the last two. */
		if (program.p_type == PT_LOAD)
			output->added =
			    (struct part){program.p_offset, program.p_filesz, program.p_vaddr};
		if (program.p_type == PT_NOTE)
			output->notes = (struct part){program.p_offset, program.p_filesz, 0};
	}
}

static uint32_t offset_of(const struct part *part, uint32_t address)
{
	return part->offset + (address - part->address);
}

static bool find_tables(struct output *output)
{
	const uint32_t magic = ROM_PARAMETERS_MAGIC;
	const uint8_t *wedge = output->whole + output->wedge.offset;
	const uint8_t *found = memmem(wedge, output->wedge.size, &magic, sizeof(magic));
	struct rom_parameters parameters;

	if (!found) {
		fprintf(stderr, "the wedge has no parameters\n");
		return false;
	}
	memcpy(&parameters, found, sizeof(parameters));
	output->parameters =
	    (struct part){(uint32_t)(found - output->whole), sizeof(parameters), 0};
	output->site_count = parameters.site_count;
	output->origin_count = parameters.origin_count;
	output->sites = (struct part){offset_of(&output->tables, parameters.sites_virtual),
	                              parameters.site_count * (uint32_t)sizeof(struct rom_site),
	                              parameters.sites_virtual};
	output->origins =
	    (struct part){offset_of(&output->tables, parameters.origins_virtual),
	                  parameters.origin_count * (uint32_t)sizeof(struct rom_origin),
	                  parameters.origins_virtual};
	return true;
}

/* Instructions from one origin to the next; behind a springboard's last one are zeros. */
static bool find_generated(struct output *output)
{
	const struct part *text = &output->text;

	output->generated = malloc(text->size * sizeof(*output->generated) + 1);
	for (uint32_t i = 0; output->generated && i < output->origin_count; i++) {
		uint32_t entry = output->origins.offset + i * (uint32_t)sizeof(struct rom_origin);
		uint32_t at = offset_of(text, output_word(output, entry)), end;
		struct instruction instruction;

		end = i + 1 < output->origin_count
		          ? offset_of(text, output_word(output, entry + sizeof(struct rom_origin)))
		          : text->offset + text->size;
		while (at < end && decode_instruction(output->whole + at, end - at, DISASM_MODE_32,
		                                      &instruction) == DECODE_OK) {
			if (!output->whole[at] && instruction.length == 2 && end - at < 4)
				break;
			output->generated[output->generated_count++] =
			    (struct generated){at, instruction.length, i};
			at += instruction.length;
		}
	}
	return output->generated != NULL;
}

/* Bytes of the image that differ from the input's and are in no window or its hop. */
static bool find_moved(struct output *output)
{
	uint8_t *in_window = calloc(output->kernel.image_size + 1, 1);

	output->moved = malloc((output->kernel.image_size / 8 + 1) * sizeof(*output->moved));
	for (uint32_t i = 0; in_window && i < output->site_count; i++) {
		struct rom_site site;
		uint32_t offset;

		memcpy(&site, output->whole + output->sites.offset + i * sizeof(site),
		       sizeof(site));
		offset = output_offset(output, site.window);
		if (offset)
			memset(in_window + offset, 1, site.window_length);
	}
	for (uint32_t at = sizeof(Elf32_Ehdr);
	     in_window && output->moved && at < output->kernel.image_size &&
	     output->moved_count < output->kernel.image_size / 8;
	     at++)
		if (!in_window[at] && output->kernel.image[at] != output->whole[at])
			output->moved[output->moved_count++] = at;
	free(in_window);
	return output->moved != NULL;
}

uint32_t output_offset(const struct output *output, uint32_t address)
{
	if (address - output->added.address < output->added.size)
		return offset_of(&output->added, address);
	for (size_t i = 0; i < output->kernel.segment_count; i++) {
		const struct kernel_segment *segment = &output->kernel.segments[i];

		if (address - segment->virtual_address < segment->file_size)
			return (uint32_t)(segment->file_offset + address -
			                  segment->virtual_address);
	}
	return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The ROM's object: built in, or a file. */
static bool find_rom(struct output *output, const char *name, struct problem *problem)
{
	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, name)) {
			output->rom.bytes = built_in_roms[i].start;
			output->rom.size = (size_t)(built_in_roms[i].end - built_in_roms[i].start);
			return true;
		}
	if (!input_file_read(name, &output->rom_file, problem))
		return false;
	output->rom = (struct verify_rom_file){output->rom_file.bytes, output->rom_file.size};
	return true;
}

bool output_make(struct output *output, const char *path, const char *rom)
{
	struct problem problem = {0};

	*output = (struct output){0};
	if (!find_rom(output, rom, &problem))
		return complain(rom, &problem);
	if (!kernel_read(path, &(struct kernel_read_options){0}, &output->kernel, &problem))
		return complain(path, &problem);
	output->input = verify_input_open(&output->kernel, &problem);
	if (!output->input || !rewrite(output, rom, &problem)) {
		output_free(output);
		return complain(path, &problem);
	}
	find_headers(output);
	return find_section(output, ".vmi_rom", &output->rom_image) &&
	       find_section(output, ".postburn.wedge", &output->wedge) &&
	       find_section(output, ".postburn.text", &output->text) &&
	       find_section(output, ".postburn.sites", &output->tables) &&
	       find_section(output, ".symtab", &output->symbols) &&
	       find_section(output, ".strtab", &output->strings) && find_tables(output) &&
	       find_generated(output) && find_moved(output);
}

void output_free(struct output *output)
{
	verify_input_close(output->input);
	free(output->named);
	kernel_free(&output->kernel);
	input_file_close(&output->rom_file);
	free(output->bytes);
	free(output->whole);
	free(output->generated);
	free(output->moved);
}

bool output_verify(const struct output *output, unsigned int options, struct verify_report *report)
{
	struct problem problem = {0};

	if (verify_output(output->input, &output->rom, output->bytes, output->size,
	                  VERIFY_ALLOW_UNPATCHED | options, report, &problem))
		return true;
	return complain("output", &problem);
}
