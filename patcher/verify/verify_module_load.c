/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A loader for rewritten modules: what Linux 6.1's kernel/module/main.c and
 * arch/x86/kernel/module.c do with them, at addresses of our choice. Springboards of both kinds
 * come one behind the other.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_module_private.h"

enum { TEXT_ALIGNMENT = 16 };

struct loader {
	struct module_check *check;
	const struct placed_module *placed;
	uint8_t **memory; /* by section of the output: its bytes, where they are loaded; or NULL */
	uint32_t *addresses;
	uint32_t text_size;
};

/* --- addresses and bytes ---------------------------------------------------------------------- */

static bool is_record(enum module_section kind)
{
	return kind == MODULE_SECTION_SITES || kind == MODULE_SECTION_ORIGINS;
}

/* Where the output's section goes, and whether it has bytes there. */
static bool place(struct loader *loader, uint32_t number, bool *has_bytes)
{
	const struct elf_view_section *section = &loader->check->out.sections[number];
	enum module_section kind = module_section_of(section->name);

	*has_bytes = section->bytes && section->size;
	if (number < loader->check->file->header.e_shnum) {
		loader->addresses[number] = loader->placed->addresses[number];
		return loader->addresses[number] != 0;
	}
	if (kind <= MODULE_SECTION_INIT_TEXT) {
		loader->text_size =
		    (loader->text_size + TEXT_ALIGNMENT - 1) & ~(uint32_t)(TEXT_ALIGNMENT - 1);
		loader->addresses[number] = MODULE_TEXT_ADDRESS + loader->text_size;
		loader->text_size += section->size;
		return true;
	}
	return is_record(kind);
}

static bool load_sections(struct loader *loader)
{
	const struct elf_view *out = &loader->check->out;

	for (uint32_t i = 1; i < out->section_count; i++) {
		bool has_bytes;

		if (!place(loader, i, &has_bytes) || !has_bytes)
			continue;
		loader->memory[i] = malloc(out->sections[i].size);
		if (!loader->memory[i])
			return verify_out_of_memory(loader->check->verifier);
		memcpy(loader->memory[i], out->sections[i].bytes, out->sections[i].size);
	}
	return true;
}

/* --- relocations ------------------------------------------------------------------------------ */

static bool symbol_value(const struct loader *loader, uint32_t number, uint32_t *value)
{
	const struct module_check *check = loader->check;
	const struct elf_view_symbol *symbol = &check->out.symbols[number];
	uint32_t locals = check->file->local_count;

	*value = symbol->value;
	if (symbol->section == SHN_ABS || !number)
		return true;
	if (symbol->section == SHN_UNDEF) {
		*value = loader->placed
		             ->values[number < locals ? number : number - check->added_symbols];
		return true;
	}
	if (symbol->section >= check->out.section_count)
		return false;
	*value += loader->addresses[symbol->section];
	return true;
}

static bool relocate(struct loader *loader, const struct elf_view_relocation *relocation)
{
	const struct module_check *check = loader->check;
	uint8_t *memory = loader->memory[relocation->section];
	uint32_t value, word;

	if (!memory ||
	    !bytes_in_range(relocation->offset, 4, check->out.sections[relocation->section].size) ||
	    relocation->symbol >= check->out.symbol_count ||
	    !symbol_value(loader, relocation->symbol, &value))
		return false;
	word = bytes_load32(memory + relocation->offset) + value;
	if (relocation->type == R_386_PC32 || relocation->type == R_386_PLT32)
		word -= loader->addresses[relocation->section] + relocation->offset;
	else if (relocation->type != R_386_32)
		return false;
	memcpy(memory + relocation->offset, &word, sizeof(word));
	return true;
}

/* Whether the loader looks at the section's relocations, or we do. */
static bool is_relocated(const struct module_check *check, uint32_t section)
{
	const struct elf_view_section *target = &check->out.sections[section];

	return (target->flags & SHF_ALLOC) || (section >= check->file->header.e_shnum &&
	                                       is_record(module_section_of(target->name)));
}

static bool relocate_all(struct loader *loader)
{
	const struct module_check *check = loader->check;

	for (size_t i = 0; i < check->out.relocation_count; i++) {
		const struct elf_view_relocation *relocation = &check->out.relocations[i];

		if (relocation->section >= check->out.section_count) {
			verify_find(check->verifier, VERIFY_FILE, 0,
			            "relocations of a section that is not there");
			return false;
		}
		if (!is_relocated(check, relocation->section) || relocate(loader, relocation))
			continue;
		verify_find(check->verifier, VERIFY_FILE, relocation->offset,
		            "section %s: a relocation that no loader applies",
		            check->out.sections[relocation->section].name);
		return false;
	}
	return true;
}

/* --- debug information ------------------------------------------------------------------------ */

/* Tables that nobody applies here name the symbols they named. */
static void compare_debug_tables(struct loader *loader)
{
	const struct module_check *check = loader->check;
	uint32_t locals = check->file->local_count;

	for (uint32_t i = 1; i < check->file->header.e_shnum; i++) {
		const Elf32_Shdr *before = &check->file->sections[i];
		const struct elf_view_section *now = &check->out.sections[i];

		if (before->sh_type != SHT_REL || before->sh_info >= check->file->header.e_shnum ||
		    (check->file->sections[before->sh_info].sh_flags & SHF_ALLOC) || !now->bytes)
			continue;
		for (uint32_t at = 0; at + sizeof(Elf32_Rel) <= now->size;
		     at += sizeof(Elf32_Rel)) {
			Elf32_Rel want, have;
			uint32_t symbol;

			memcpy(&want, check->file->image + before->sh_offset + at, sizeof(want));
			memcpy(&have, now->bytes + at, sizeof(have));
			symbol = ELF32_R_SYM(want.r_info);
			if (symbol >= locals)
				symbol += check->added_symbols;
			if (have.r_offset != want.r_offset ||
			    have.r_info != ELF32_R_INFO(symbol, ELF32_R_TYPE(want.r_info)))
				verify_find(check->verifier, VERIFY_FILE, at,
				            "section %s: a relocation is not what it was",
				            now->name);
		}
	}
}

/* --- what comes of it ------------------------------------------------------------------------- */

/* A segment of the file that libelf is to see. */
struct segment_writer {
	uint8_t *image;
	uint32_t count, end;
};

static void add_segment(struct segment_writer *writer, uint32_t address, const uint8_t *bytes,
                        uint32_t size, bool executable)
{
	const Elf32_Phdr program = {
	    .p_type = PT_LOAD,
	    .p_offset = writer->end,
	    .p_vaddr = address,
	    .p_paddr = address,
	    .p_filesz = size,
	    .p_memsz = size,
	    .p_flags = executable ? PF_R | PF_X : PF_R,
	    .p_align = 1,
	};

	memcpy(writer->image + sizeof(Elf32_Ehdr) + writer->count++ * sizeof(program), &program,
	       sizeof(program));
	memcpy(writer->image + writer->end, bytes, size);
	writer->end += size;
}

static size_t image_size(const struct loader *loader)
{
	const struct elf_view *out = &loader->check->out;
	size_t size = sizeof(Elf32_Ehdr) + (out->section_count + 1) * sizeof(Elf32_Phdr);

	for (uint32_t i = 1; i < out->section_count; i++)
		if (loader->memory[i])
			size += out->sections[i].size;
	return size + loader->text_size;
}

/* All springboards, between them zeros. */
static uint8_t *join_texts(const struct loader *loader)
{
	const struct elf_view *out = &loader->check->out;
	uint8_t *text = calloc(1, loader->text_size + 1);

	if (!text)
		return NULL;
	for (uint32_t i = loader->check->file->header.e_shnum; i < out->section_count; i++)
		if (loader->memory[i] &&
		    module_section_of(out->sections[i].name) <= MODULE_SECTION_INIT_TEXT)
			memcpy(text + (loader->addresses[i] - MODULE_TEXT_ADDRESS),
			       loader->memory[i], out->sections[i].size);
	return text;
}

static bool make_image(struct loader *loader, struct module_load *load)
{
	Elf32_Ehdr header = loader->check->file->header;
	uint8_t *text = join_texts(loader);
	struct segment_writer writer = {0};

	load->size = image_size(loader);
	load->image = calloc(1, load->size);
	if (!text || !load->image) {
		free(text);
		return verify_out_of_memory(loader->check->verifier);
	}
	writer.image = load->image;
	writer.end = (uint32_t)(sizeof(Elf32_Ehdr) +
	                        (loader->check->out.section_count + 1) * sizeof(Elf32_Phdr));
	for (uint32_t i = 1; i < header.e_shnum; i++)
		if (loader->memory[i])
			add_segment(&writer, loader->addresses[i], loader->memory[i],
			            loader->check->out.sections[i].size, false);
	if (loader->text_size)
		add_segment(&writer, MODULE_TEXT_ADDRESS, text, loader->text_size, true);
	header.e_type = ET_EXEC;
	header.e_phoff = sizeof(header);
	header.e_phentsize = sizeof(Elf32_Phdr);
	header.e_phnum = (Elf32_Half)writer.count;
	header.e_shoff = header.e_shnum = header.e_shstrndx = 0;
	memcpy(load->image, &header, sizeof(header));
	load->text = (struct elf_view_section){
	    .name = ".postburn.text",
	    .address = MODULE_TEXT_ADDRESS,
	    .size = loader->text_size,
	};
	if (loader->check->sections[MODULE_SECTION_INIT_TEXT])
		load->init_address =
		    loader->addresses[loader->check->sections[MODULE_SECTION_INIT_TEXT]];
	free(text);
	return true;
}

static void *copy_records(struct loader *loader, enum module_section kind, size_t size,
                          size_t *count)
{
	uint32_t number = loader->check->sections[kind];
	uint32_t bytes = number ? loader->check->out.sections[number].size : 0;
	void *copy = malloc(bytes + size);

	*count = bytes / size;
	if (!copy) {
		verify_out_of_memory(loader->check->verifier);
		return NULL;
	}
	if (bytes % size)
		verify_find(loader->check->verifier, VERIFY_FILE, number,
		            "section %s is no table of records",
		            loader->check->out.sections[number].name);
	if (number && loader->memory[number])
		memcpy(copy, loader->memory[number], bytes);
	else
		*count = 0;
	return copy;
}

static bool take_records(struct loader *loader)
{
	struct verifier *verifier = loader->check->verifier;

	verifier->sites = copy_records(loader, MODULE_SECTION_SITES, sizeof(struct rom_site),
	                               &verifier->site_count);
	verifier->origins = copy_records(loader, MODULE_SECTION_ORIGINS, sizeof(struct rom_origin),
	                                 &verifier->origin_count);
	verifier->report->origins = verifier->origin_count;
	return verifier->sites && verifier->origins;
}

bool verify_module_load(struct module_check *check, const struct placed_module *placed,
                        struct module_load *load)
{
	struct loader loader = {.check = check, .placed = placed};
	size_t count = check->out.section_count + 1;
	bool done;

	*load = (struct module_load){.image = NULL};
	loader.memory = calloc(count, sizeof(*loader.memory));
	loader.addresses = calloc(count, sizeof(*loader.addresses));
	done = loader.memory && loader.addresses;
	if (!done)
		verify_out_of_memory(check->verifier);
	done = done && load_sections(&loader) && relocate_all(&loader) && take_records(&loader) &&
	       make_image(&loader, load);
	if (done)
		compare_debug_tables(&loader);
	for (size_t i = 0; loader.memory && i < count; i++)
		free(loader.memory[i]);
	free(loader.memory);
	free(loader.addresses);
	return done;
}
