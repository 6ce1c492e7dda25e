/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/module/module_base.h"

#include <elf.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/elf_file.h"

/* --- the note ----------------------------------------------------------------------- */

/* The text of the note named postburn among those in [bytes, bytes + size); NULL if none is. */
static const char *find_note(const uint8_t *bytes, uint64_t size, uint32_t *length)
{
	static const char name[] = "postburn";
	Elf32_Nhdr header;

	while (size >= sizeof(header)) {
		uint64_t descriptor, whole;

		memcpy(&header, bytes, sizeof(header));
		descriptor = sizeof(header) + (((uint64_t)header.n_namesz + 3) & ~(uint64_t)3);
		whole = descriptor + (((uint64_t)header.n_descsz + 3) & ~(uint64_t)3);
		if (whole > size)
			return NULL;
		*length = header.n_descsz;
		if (header.n_namesz == sizeof(name) &&
		    !memcmp(bytes + sizeof(header), name, sizeof(name)))
			return (const char *)bytes + descriptor;
		bytes += whole;
		size -= whole;
	}
	return NULL;
}

/* The line `key value` of a text, into value; false if there is none. */
static bool find_line(const char *text, size_t length, const char *key, char *value, size_t size)
{
	size_t key_length = strlen(key);

	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;

		if (line > key_length && !memcmp(text, key, key_length) &&
		    text[key_length] == ' ' && line - key_length - 1 < size) {
			snprintf(value, size, "%.*s", (int)(line - key_length - 1),
			         text + key_length + 1);
			return true;
		}
		if (!end)
			return false;
		length -= line + 1;
		text = end + 1;
	}
	return false;
}

static bool read_note(const struct kernel *kernel, char *rom_name, size_t size,
                      struct problem *problem)
{
	struct elf_file elf;
	bool found = false;

	if (!elf_file_open(kernel->image, kernel->image_size, &elf, problem))
		return false;
	for (size_t i = 0; !found && i < elf.program_header_count; i++) {
		const struct elf_program_header *program = &elf.program_headers[i];
		uint32_t length;
		const char *text;

		if (program->type != PT_NOTE)
			continue;
		text = find_note(kernel->image + program->offset, program->file_size, &length);
		found = text && find_line(text, length, "rom", rom_name, size);
	}
	elf_file_close(&elf);
	return found || problem_report(problem, MODULE_BASE);
}

/* --- the ROM ------------------------------------------------------------------------ */

/* Whether the bytes at .vmi_rom are this ROM's, placed there. */
static bool is_this_rom(const struct module_base *base, const struct kernel_section *image,
                        const struct kernel_section *wedge, uint32_t entry, bool *same,
                        struct problem *problem)
{
	struct rom_placement placement = {.image_virtual = (uint32_t)image->address,
	                                  .wedge_virtual = (uint32_t)wedge->address,
	                                  .guest_entry = entry};
	struct linked_rom linked;

	if (!rom_link(&base->rom, &placement, &linked, problem))
		return false;
	*same =
	    image->size == base->rom.image_size && !memcmp(image->bytes, linked.image, image->size);
	linked_rom_free(&linked);
	return true;
}

static bool find_rom(const struct kernel *kernel, struct module_base *base, struct problem *problem)
{
	const struct kernel_section *image = kernel_find_section(kernel, ".vmi_rom");
	const struct kernel_section *wedge = kernel_find_section(kernel, ".postburn.wedge");
	bool same;

	if (!image || !image->bytes || !wedge)
		return problem_report(problem, MODULE_BASE);
	base->rom_virtual = (uint32_t)image->address;
	if (!is_this_rom(base, image, wedge, (uint32_t)kernel->entry, &same, problem))
		return false;
	return same || problem_report(problem, MODULE_ROM, base->rom.name);
}

/* --- the kernel --------------------------------------------------------------------- */

/* The banner is "Linux version RELEASE (...". */
static bool read_release(const struct kernel *kernel, struct module_base *base,
                         struct problem *problem)
{
	static const char start[] = "Linux version ";
	const char *text = kernel->banner;

	if (!text || strncmp(text, start, strlen(start)))
		return problem_report(problem, MODULE_BASE_RELEASE);
	text += strlen(start);
	snprintf(base->release, sizeof(base->release), "%.*s", (int)strcspn(text, " "), text);
	base->linux_version = kernel->linux_version;
	return true;
}

static void read_build_id(const struct kernel *kernel, struct module_base *base)
{
	snprintf(base->build_id, sizeof(base->build_id), "none");
	for (size_t i = 0; i < kernel->build_id_size; i++)
		snprintf(base->build_id + 2 * i, 3, "%02x", kernel->build_id[i]);
}

static bool read_base(const struct kernel *kernel, const char *rom_name, struct module_base *base,
                      struct problem *problem)
{
	char noted[256];

	if (kernel->is_64bit || kernel->format == KERNEL_FORMAT_MODULE)
		return problem_report(problem, MODULE_BASE);
	if (!read_note(kernel, noted, sizeof(noted), problem) ||
	    !read_release(kernel, base, problem))
		return false;
	read_build_id(kernel, base);
	if (!rom_read(rom_name ? rom_name : noted, &base->rom, problem)) {
		if (rom_name)
			problem->file = rom_name;
		return false;
	}
	if (find_rom(kernel, base, problem))
		return true;
	rom_free(&base->rom);
	return false;
}

bool module_base_open(const char *path, const char *rom_name, struct module_base *base,
                      struct problem *problem)
{
	const struct kernel_read_options options = {.system_map = NULL};
	struct kernel kernel;
	bool done;

	*base = (struct module_base){.rom_virtual = 0};
	if (!kernel_read(path, &options, &kernel, problem)) {
		problem->file = path;
		return false;
	}
	done = read_base(&kernel, rom_name, base, problem);
	if (!done && !problem->file)
		problem->file = path;
	kernel_free(&kernel);
	return done;
}

void module_base_close(struct module_base *base)
{
	rom_free(&base->rom);
	*base = (struct module_base){.rom_virtual = 0};
}
