/* SPDX-License-Identifier: BSD-2-Clause */

/* The file of a rewritten module: the input's sections and symbols, and what may be added. */

#include <stdio.h>
#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/verify/verify_module_private.h"

static const char *const added_names[MODULE_SECTION_COUNT] = {
    [MODULE_SECTION_TEXT] = ".postburn.text",   [MODULE_SECTION_INIT_TEXT] = ".init.text.postburn",
    [MODULE_SECTION_SITES] = ".postburn.sites", [MODULE_SECTION_ORIGINS] = ".postburn.origins",
    [MODULE_SECTION_NOTE] = ".note.postburn",
};

enum module_section module_section_of(const char *name)
{
	unsigned int i = 0;

	while (i < MODULE_SECTION_COUNT && strcmp(name, added_names[i]) != 0)
		i++;
	return (enum module_section)i;
}

/* --- sections --------------------------------------------------------------------------------- */

static void wrong_section(struct module_check *check, uint32_t number, const char *what)
{
	verify_find(check->verifier, VERIFY_FILE, number, "section %s: %s",
	            number < check->out.section_count ? check->out.sections[number].name : "?",
	            what);
}

static bool is_applied(const struct module_check *check, const Elf32_Shdr *section)
{
	return section->sh_type == SHT_REL && section->sh_info < check->file->header.e_shnum &&
	       (check->file->sections[section->sh_info].sh_flags & SHF_ALLOC);
}

/* Names and symbols have grown: what was there comes first. Relocations are looked at by what they
 * do; what is loaded, by what is loaded. */
static bool same_content(const struct module_check *check, uint32_t number)
{
	const Elf32_Shdr *before = &check->file->sections[number];
	const struct elf_view_section *now = &check->out.sections[number];
	bool grows =
	    number == check->file->string_section || number == check->file->header.e_shstrndx;

	if (before->sh_type == SHT_SYMTAB || is_applied(check, before) ||
	    before->sh_type == SHT_NULL)
		return true;
	if (now->size != before->sh_size && !(grows && now->size > before->sh_size))
		return false;
	if (before->sh_type == SHT_NOBITS || (before->sh_flags & SHF_ALLOC) ||
	    before->sh_type == SHT_REL || !before->sh_size)
		return true;
	return now->bytes &&
	       !memcmp(now->bytes, check->file->image + before->sh_offset, before->sh_size);
}

static bool same_section(const struct module_check *check, uint32_t number)
{
	const Elf32_Shdr *before = &check->file->sections[number];
	const struct elf_view_section *now = &check->out.sections[number];
	uint32_t info = before->sh_info;

	if (before->sh_type == SHT_SYMTAB ||
	    (before->sh_type == SHT_GROUP && info >= check->file->local_count))
		info += check->added_symbols;
	return !strcmp(module_section_name(check->file, number), now->name) &&
	       now->type == before->sh_type && now->flags == before->sh_flags &&
	       now->address == before->sh_addr && now->link == before->sh_link &&
	       now->info == info && now->alignment == before->sh_addralign &&
	       now->entry_size == before->sh_entsize;
}

static bool is_added_table(const struct module_check *check, const struct elf_view_section *section)
{
	return section->type == SHT_REL && section->flags == SHF_INFO_LINK && !section->address &&
	       section->link == check->file->symbol_section && section->alignment == 4 &&
	       section->info < check->out.section_count &&
	       section->entry_size == sizeof(Elf32_Rel) && !strncmp(section->name, ".rel", 4) &&
	       !strcmp(section->name + 4, check->out.sections[section->info].name);
}

static void check_added_section(struct module_check *check, uint32_t number)
{
	const struct elf_view_section *section = &check->out.sections[number];
	enum module_section kind = module_section_of(section->name);
	uint32_t flags = kind <= MODULE_SECTION_INIT_TEXT ? SHF_ALLOC | SHF_EXECINSTR : 0;

	if (kind == MODULE_SECTION_COUNT) {
		if (!is_added_table(check, section))
			wrong_section(check, number, "it is neither the input's nor ours");
		return;
	}
	if (check->sections[kind])
		wrong_section(check, number, "it is there twice");
	check->sections[kind] = number;
	if (section->flags != flags || section->address || section->link || section->info ||
	    section->type != (kind == MODULE_SECTION_NOTE ? SHT_NOTE : SHT_PROGBITS))
		wrong_section(check, number, "its type or flags are wrong");
}

/* One table for each section, or the loader would apply both. */
static void check_tables(struct module_check *check)
{
	const struct elf_view *out = &check->out;

	for (uint32_t i = check->file->header.e_shnum; i < out->section_count; i++)
		for (uint32_t j = 1; out->sections[i].type == SHT_REL && j < i; j++)
			if (out->sections[j].type == SHT_REL &&
			    out->sections[j].info == out->sections[i].info)
				wrong_section(check, i, "it is a second table of relocations");
}

/* Sections come one behind the other, then their headers, and nothing else but zeros. */
static void check_layout(struct module_check *check)
{
	Elf32_Ehdr header = check->file->header;
	uint64_t end = sizeof(header);

	for (uint32_t i = 1; i < check->out.section_count; i++) {
		const struct elf_view_section *section = &check->out.sections[i];
		uint32_t alignment = section->alignment ? section->alignment : 1;
		uint64_t start = (end + alignment - 1) & ~((uint64_t)alignment - 1);

		if (section->type == SHT_NULL)
			continue;
		if (section->offset != start)
			wrong_section(check, i, "it is not behind the section before");
		for (uint64_t at = end; at < start && at < check->size; at++)
			if (check->bytes[at])
				wrong_section(check, i, "what is before it is not zero");
		end = start + (section->type == SHT_NOBITS ? 0 : section->size);
	}
	header.e_phoff = header.e_phnum = 0;
	header.e_shoff = (Elf32_Off)((end + 3) & ~(uint64_t)3);
	header.e_shnum = (Elf32_Half)check->out.section_count;
	if (memcmp(&header, check->bytes, sizeof(header)) != 0)
		verify_find(check->verifier, VERIFY_FILE, 0, "the ELF header is not what it was");
	if (check->size != header.e_shoff + header.e_shnum * sizeof(Elf32_Shdr))
		verify_find(check->verifier, VERIFY_FILE, 0,
		            "the file does not end with its section headers");
}

static bool check_sections(struct module_check *check)
{
	uint32_t count = check->file->header.e_shnum;

	if (check->out.section_count < count || check->out.file_type != ET_REL ||
	    check->out.name_section != check->file->header.e_shstrndx) {
		verify_find(check->verifier, VERIFY_FILE, 0, "it has not the input's sections");
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!same_section(check, i) || !same_content(check, i)) {
			wrong_section(check, i, "it is not what the input's is");
			return false;
		}
	for (uint32_t i = count; i < check->out.section_count; i++)
		check_added_section(check, i);
	check_tables(check);
	check_layout(check);
	return true;
}

/* --- symbols ---------------------------------------------------------------------------------- */

static bool same_symbol(const struct module_check *check, uint32_t before, uint32_t now)
{
	const Elf32_Sym *left = &check->file->symbols[before];
	const struct elf_view_symbol *right = &check->out.symbols[now];

	return !strcmp(module_symbol_name(check->file, before), right->name) &&
	       left->st_value == right->value && left->st_size == right->size &&
	       left->st_shndx == right->section && ELF32_ST_TYPE(left->st_info) == right->type &&
	       ELF32_ST_BIND(left->st_info) == right->binding &&
	       ELF32_ST_VISIBILITY(left->st_other) == right->visibility;
}

/* VMI_NAME is the slot of the call of that name. */
static bool is_slot_symbol(const struct module_check *check, const struct elf_view_symbol *symbol)
{
	if (strncmp(symbol->name, "VMI_", 4) != 0 || symbol->size != ROM_SLOT_SIZE)
		return false;
	for (size_t i = 0; i < vmi_call_count; i++)
		if (!strcmp(symbol->name + 4, vmi_calls[i].name))
			return symbol->value ==
			       check->rom_address + ROM_SLOT_SIZE * vmi_calls[i].number;
	return false;
}

static bool is_our_symbol(const struct module_check *check, const struct elf_view_symbol *symbol)
{
	const struct elf_view_section *section;

	if (symbol->binding != STB_LOCAL)
		return false;
	if (symbol->section == SHN_ABS)
		return is_slot_symbol(check, symbol);
	if (symbol->section == SHN_UNDEF || symbol->section >= check->out.section_count)
		return false;
	section = &check->out.sections[symbol->section];
	if (symbol->type == STT_SECTION)
		return !symbol->value;
	return symbol->type == STT_FUNC && !strncmp(symbol->name, "springboard_", 12) &&
	       module_section_of(section->name) <= MODULE_SECTION_INIT_TEXT &&
	       symbol->value < section->size && symbol->size <= section->size - symbol->value;
}

static bool check_symbols(struct module_check *check)
{
	uint32_t locals = check->file->local_count, count = check->file->symbol_count;

	for (uint32_t i = 1; i < count; i++) {
		uint32_t now = i < locals ? i : i + check->added_symbols;

		if (!same_symbol(check, i, now)) {
			verify_find(check->verifier, VERIFY_FILE, i, "symbol %s is not what it was",
			            check->out.symbols[now].name);
			return false;
		}
	}
	for (uint32_t i = locals; i < locals + check->added_symbols; i++)
		if (!is_our_symbol(check, &check->out.symbols[i]))
			verify_find(check->verifier, VERIFY_FILE, i,
			            "symbol %s is neither the input's nor ours",
			            check->out.symbols[i].name);
	return true;
}

/* --- the note --------------------------------------------------------------------------------- */

static void check_note(struct module_check *check)
{
	static const char name[12] = "postburn";
	const struct elf_view_section *section;
	char origin[128], input[128];
	uint32_t words[3];
	const char *text;

	if (!check->sections[MODULE_SECTION_NOTE]) {
		verify_find(check->verifier, VERIFY_FILE, 0, "it has no note of ours");
		return;
	}
	section = &check->out.sections[check->sections[MODULE_SECTION_NOTE]];
	if (!section->bytes || section->size < sizeof(words) + sizeof(name)) {
		wrong_section(check, check->sections[MODULE_SECTION_NOTE], "it is no note");
		return;
	}
	memcpy(words, section->bytes, sizeof(words));
	text = (const char *)section->bytes + sizeof(words) + sizeof(name);
	snprintf(origin, sizeof(origin), "postburn %s\nrom %.20s\nrom-address 0x%08x\n",
	         POSTBURN_VERSION, check->verifier->manifest.name,
	         (unsigned int)check->rom_address);
	snprintf(input, sizeof(input), "\nbase-release %s\ninput-sha256 %s\n", check->file->release,
	         check->sha256);
	if (words[0] != 9 || words[1] > section->size - sizeof(words) - sizeof(name) ||
	    words[2] != 1 || memcmp(section->bytes + sizeof(words), name, sizeof(name)) != 0 ||
	    words[1] < strlen(origin) + strlen(input) ||
	    memcmp(text, origin, strlen(origin)) != 0 ||
	    memcmp(text + words[1] - strlen(input), input, strlen(input)) != 0)
		wrong_section(check, check->sections[MODULE_SECTION_NOTE],
		              "it does not tell of this input, this ROM and this base");
}

bool verify_module_file(struct module_check *check)
{
	if (check->out.symbol_count < check->file->symbol_count) {
		verify_find(check->verifier, VERIFY_FILE, 0, "it has not the input's symbols");
		return false;
	}
	check->added_symbols = (uint32_t)check->out.symbol_count - check->file->symbol_count;
	if (!check_sections(check) || !check_symbols(check))
		return false;
	check_note(check);
	return true;
}
