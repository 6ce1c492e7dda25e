/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/kernel.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/bzimage.h"
#include "patcher/kernel/decompress.h"
#include "patcher/kernel/kernel_private.h"

/* Sets kernel.image: the file itself, or what is packed in it. */
static bool find_image(struct kernel *kernel, struct problem *problem)
{
	uint8_t **payload = &kernel->private->payload;
	enum compression compression;

	kernel->image = kernel->file;
	kernel->image_size = kernel->file_size;
	if (elf_file_detect(kernel->file, kernel->file_size))
		return true;
	if (bzimage_detect(kernel->file, kernel->file_size)) {
		kernel->format = KERNEL_FORMAT_BZIMAGE;
		if (!bzimage_unpack(kernel->file, kernel->file_size, payload, &kernel->image_size,
		                    problem))
			return false;
	} else { /* a packed module or vmlinux */
		compression = compression_detect(kernel->file, kernel->file_size);
		if (compression == COMPRESSION_NONE)
			return problem_report(problem, INPUT_FORMAT);
		if (!decompress(compression, kernel->file, kernel->file_size, DECOMPRESS_LARGEST,
		                payload, &kernel->image_size, problem))
			return false;
		if (!elf_file_detect(*payload, kernel->image_size))
			return problem_report(problem, INPUT_UNPACKED_FORMAT,
			                      compression_name(compression));
	}
	kernel->image = *payload;
	return true;
}

static bool read_model(struct kernel *kernel, const struct kernel_read_options *options,
                       struct problem *problem)
{
	struct elf_file *elf = &kernel->private->elf;

	if (!elf_file_open(kernel->image, kernel->image_size, elf, problem))
		return false;
	kernel->is_64bit = elf->is_64bit;
	kernel->machine = elf->machine;
	kernel->entry = elf->entry;
	if (elf->type == ET_REL)
		kernel->format = KERNEL_FORMAT_MODULE;
	if (!kernel_build_segments(kernel, problem) || !kernel_build_sections(kernel, problem))
		return false;
	if (kernel->section_count + kernel->segment_count == 0)
		return problem_report(problem, ELF_NOTHING_LOADED);
	kernel->trailer = kernel->image + elf->end;
	kernel->trailer_size = kernel->image_size - elf->end;
	kernel->image_size = elf->end;
	return kernel_identify(kernel, problem) && kernel_read_symbols(kernel, options, problem) &&
	       kernel_cut_sections(kernel, problem) && kernel_index_symbols(kernel, problem) &&
	       kernel_read_relocations(kernel, kernel->trailer, kernel->trailer_size, problem);
}

static bool read_bytes(const char *name, const uint8_t *bytes, size_t size,
                       const struct kernel_read_options *options, struct kernel *kernel,
                       struct problem *problem)
{
	kernel->path = name;
	kernel->file = bytes;
	kernel->file_size = size;
	if (size == 0)
		return problem_report(problem, INPUT_EMPTY);
	return find_image(kernel, problem) && read_model(kernel, options, problem);
}

static bool start(struct kernel *kernel, struct problem *problem)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->private = calloc(1, sizeof(*kernel->private));
	return kernel->private || problem_report(problem, OUT_OF_MEMORY);
}

bool kernel_read(const char *path, const struct kernel_read_options *options, struct kernel *kernel,
                 struct problem *problem)
{
	struct input_file *input;

	if (!start(kernel, problem))
		return false;
	input = &kernel->private->input;
	if (input_file_read(path, input, problem) &&
	    read_bytes(path, input->bytes, input->size, options, kernel, problem))
		return true;
	kernel_free(kernel);
	return false;
}

bool kernel_read_memory(const char *name, const uint8_t *bytes, size_t size, struct kernel *kernel,
                        struct problem *problem)
{
	const struct kernel_read_options options = {.system_map = NULL};

	if (!start(kernel, problem))
		return false;
	if (read_bytes(name, bytes, size, &options, kernel, problem))
		return true;
	kernel_free(kernel);
	return false;
}

void kernel_free(struct kernel *kernel)
{
	struct kernel_private *private = kernel->private;

	if (private) {
		elf_file_close(&private->elf);
		input_file_close(&private->input);
		free(private->payload);
		free(private->section_of);
		free(private->names);
		free(private->banner);
		free(private->covering);
		free(private->name_table);
		free(private);
	}
	free(kernel->sections);
	free(kernel->segments);
	free(kernel->symbols);
	free(kernel->relocations);
	memset(kernel, 0, sizeof(*kernel));
}

const char *kernel_format_name(enum kernel_format format)
{
	switch (format) {
	case KERNEL_FORMAT_ELF: return "elf";
	case KERNEL_FORMAT_BZIMAGE: return "bzimage";
	case KERNEL_FORMAT_MULTIBOOT: return "multiboot";
	case KERNEL_FORMAT_MODULE: return "module";
	}
	return "unknown";
}

const struct kernel_section *kernel_find_section(const struct kernel *kernel, const char *name)
{
	for (size_t i = 0; i < kernel->section_count; i++) {
		if (strcmp(kernel->sections[i].name, name) == 0)
			return &kernel->sections[i];
	}
	return NULL;
}

const struct kernel_section *kernel_section_at(const struct kernel *kernel, uint64_t address)
{
	size_t low = 0, high = kernel->section_count; /* the first above address lies between */
	const struct kernel_section *section;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->sections[middle].address > address)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == 0)
		return NULL;
	section = &kernel->sections[low - 1];
	return address - section->address < section->size ? section : NULL;
}

const struct kernel_segment *kernel_segment_at(const struct kernel *kernel, uint64_t address)
{
	size_t low = 0, high = kernel->segment_count;
	const struct kernel_segment *segment;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->segments[middle].virtual_address > address)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == 0)
		return NULL;
	segment = &kernel->segments[low - 1];
	return address - segment->virtual_address < segment->memory_size ? segment : NULL;
}

const uint8_t *kernel_bytes_at(const struct kernel *kernel, uint64_t address, uint64_t size)
{
	const struct kernel_segment *segment;
	const struct kernel_section *section;

	if (kernel->segment_count) {
		segment = kernel_segment_at(kernel, address);
		if (!segment ||
		    !bytes_in_range(address - segment->virtual_address, size, segment->file_size))
			return NULL;
		return kernel->image + segment->file_offset + (address - segment->virtual_address);
	}
	section = kernel_section_at(kernel, address);
	if (!section || !section->bytes ||
	    !bytes_in_range(address - section->address, size, section->size))
		return NULL;
	return section->bytes + (address - section->address);
}
