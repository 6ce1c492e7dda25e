/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/elf_frame.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OFFSET  0x1000u
#define BANNER_SPACE 128u

enum { SECTION_NULL, SECTION_TEXT, SECTION_RODATA, SECTION_NAMES, SECTION_COUNT };

static const char names[] = "\0.text\0.rodata\0.shstrtab";

/* Fields have the same names in both classes, at other places. */
#define FILL_HEADERS(class, text, rodata_size, names_offset, headers_offset)                       \
	do {                                                                                       \
		Elf##class##_Ehdr header = {                                                       \
		    .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS##class, ELFDATA2LSB, EV_CURRENT},    \
		    .e_type = ET_EXEC,                                                             \
		    .e_machine = (class) == 64 ? EM_X86_64 : EM_386,                               \
		    .e_version = EV_CURRENT,                                                       \
		    .e_entry = 0x1000000,                                                          \
		    .e_phoff = sizeof(header),                                                     \
		    .e_shoff = (headers_offset),                                                   \
		    .e_ehsize = sizeof(header),                                                    \
		    .e_phentsize = sizeof(Elf##class##_Phdr),                                      \
		    .e_phnum = 1,                                                                  \
		    .e_shentsize = sizeof(Elf##class##_Shdr),                                      \
		    .e_shnum = SECTION_COUNT,                                                      \
		    .e_shstrndx = SECTION_NAMES,                                                   \
		};                                                                                 \
		Elf##class##_Phdr program = {                                                      \
		    .p_type = PT_LOAD,                                                             \
		    .p_offset = TEXT_OFFSET,                                                       \
		    .p_vaddr = (text),                                                             \
		    .p_paddr = 0x1000000,                                                          \
		    .p_filesz = ELF_FRAME_TEXT_SIZE + (rodata_size),                               \
		    .p_memsz = ELF_FRAME_TEXT_SIZE + (rodata_size),                                \
		    .p_flags = PF_R | PF_X,                                                        \
		    .p_align = 0x1000,                                                             \
		};                                                                                 \
		Elf##class##_Shdr sections[SECTION_COUNT] = {                                      \
		    [SECTION_TEXT] = {.sh_name = 1,                                                \
		                      .sh_type = SHT_PROGBITS,                                     \
		                      .sh_flags = SHF_ALLOC | SHF_EXECINSTR,                       \
		                      .sh_addr = (text),                                           \
		                      .sh_offset = TEXT_OFFSET,                                    \
		                      .sh_size = ELF_FRAME_TEXT_SIZE},                             \
		    [SECTION_RODATA] = {.sh_name = 7,                                              \
		                        .sh_type = SHT_PROGBITS,                                   \
		                        .sh_flags = SHF_ALLOC,                                     \
		                        .sh_addr = (text) + ELF_FRAME_TEXT_SIZE,                   \
		                        .sh_offset = TEXT_OFFSET + ELF_FRAME_TEXT_SIZE,            \
		                        .sh_size = (rodata_size)},                                 \
		    [SECTION_NAMES] = {.sh_name = 15,                                              \
		                       .sh_type = SHT_STRTAB,                                      \
		                       .sh_offset = (names_offset),                                \
		                       .sh_size = sizeof(names)},                                  \
		};                                                                                 \
		memcpy(image, &header, sizeof(header));                                            \
		memcpy(image + sizeof(header), &program, sizeof(program));                         \
		memcpy(image + (headers_offset), sections, sizeof(sections));                      \
	} while (0)

uint8_t *elf_frame_make(bool is_64bit, const char *version, const uint8_t *piece, size_t piece_size,
                        size_t *size)
{
	size_t rodata_size = (piece_size + 15) / 16 * 16 + BANNER_SPACE;
	size_t names_offset = TEXT_OFFSET + ELF_FRAME_TEXT_SIZE + rodata_size;
	size_t headers_offset = names_offset + 64;
	uint8_t *image, *rodata;

	*size = headers_offset + SECTION_COUNT * sizeof(Elf64_Shdr);
	image = calloc(1, *size);
	if (!image)
		return NULL;
	memset(image + TEXT_OFFSET, 0x90, ELF_FRAME_TEXT_SIZE);
	rodata = image + TEXT_OFFSET + ELF_FRAME_TEXT_SIZE;
	if (piece_size)
		memcpy(rodata, piece, piece_size);
	snprintf((char *)rodata + rodata_size - BANNER_SPACE, BANNER_SPACE,
	         "Linux version %s (nobody@nowhere) #1\n", version);
	memcpy(image + names_offset, names, sizeof(names));
	if (is_64bit)
		FILL_HEADERS(64, ELF_FRAME_TEXT_64, rodata_size, names_offset, headers_offset);
	else
		FILL_HEADERS(32, ELF_FRAME_TEXT, rodata_size, names_offset, headers_offset);
	return image;
}
