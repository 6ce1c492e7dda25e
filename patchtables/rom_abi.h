/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_ABI_H
#define ROM_ABI_H

/*
 * The contract of patcher and ROM. Both sides, C and assembler, include this file; every layout in
 * it is asserted. A ROM is an ELF32 ET_REL object (made by `ld -r`) with these sections:
 *
 *   .vmi.call.<NAME>   the code of one call of vmi_calls.def. Up to ROM_SLOT_SIZE bytes it stands
 *                      in its slot; a longer one is placed behind the slots and its slot becomes
 *                      `jmp body; ud2`
 *   .vmi_patchups      32-bit words, each the address (R_386_32) of a rel32 in a call's code that
 *                      leads to the rest of the ROM, the wedge; there are no others
 *   .rom_manifest      struct rom_manifest, then its entries
 *   .rom_parameters    struct rom_parameters, filled in by the patcher
 *   .rom_cpuid         optional: struct rom_cpuid[], what the guest's CPUID can show; not loaded
 *   all others that are allocated are the wedge: executable ones first, then read-only ones, then
 *                      writable ones, then those without bytes, at the alignment they ask for, a
 *                      page at most
 *
 * The patcher makes the header, struct rom_header, which stands where slots 0 to 3 would be.
 *
 * Relocations are R_386_32, R_386_PC32 and R_386_PLT32. The global symbols ROM_ENTRY_PVH and
 * ROM_ENTRY_MULTIBOOT (native) or ROM_ENTRY_XEN (xen) name where a boot loader enters. The one
 * symbol that a ROM may leave undefined is ROM_GUEST_ENTRY: the guest-virtual address of the
 * guest's own entry point, for relative jumps, which lead there in the low alias too.
 *
 * A ROM that defines ROM_ENTRY_XEN is entered by Xen's domain builder, and runs with everything
 * that is added to the guest in a window of its own, at ROM_XEN_WINDOW. Xen maps the same bytes at
 * region_physical + ROM_XEN_VIRT_BASE and enters there: in the image of ROM_ENTRY_XEN at that
 * distance, with ESI = start_info. region_physical is 2 MiB-aligned, as the window is, so that page
 * tables for the one are good for the other. While the guest runs unpaged, its relative jumps lead
 * to the window's addresses less guest_offset. ROM_HYPERCALL_PAGE, if defined, is a page of the
 * wedge that Xen fills.
 */

#define ROM_ABI_VERSION 2

#include "vmi_call_numbers.h" /* generated */

#define ROM_SLOT_SIZE   VMI_SLOT_SIZE
#define ROM_SLOT_COUNT  VMI_CALL_LIMIT
#define ROM_SLOTS_SIZE  (ROM_SLOT_SIZE * ROM_SLOT_COUNT)
#define ROM_HEADER_SIZE (ROM_SLOT_SIZE * VMI_FIRST_CALL) /* what stands before the first slot */

#define ROM_SIGNATURE     0xaa55     /* option ROM */
#define ROM_VMI_SIGNATURE 0x696d5663 /* "cVmi" */
#define ROM_API_MAJOR     13
#define ROM_API_MINOR     0

#define ROM_MANIFEST_MAGIC   0x4d526270 /* "pbRM" */
#define ROM_PARAMETERS_MAGIC 0x50526270 /* "pbRP" */

/* What a site of a call becomes. A call without an entry in the manifest is not offered. */
#define ROM_ACTION_CALL   1 /* call slot, with the arguments of vmi_calls.def */
#define ROM_ACTION_JUMP   2 /* jmp slot: for calls that do not return */
#define ROM_ACTION_NOP    3 /* nothing: the instruction is deleted */
#define ROM_ACTION_NONE   4 /* the native instruction stays */
#define ROM_ACTION_INLINE 5 /* the entry's bytes stand for it */

/* Clobbers: registers by number (eax 0, ecx 1, edx 2, ebx 3, esp 4, ebp 5, esi 6, edi 7). */
#define ROM_CLOBBERS_FLAGS (1 << 8) /* status flags: CF PF AF ZF SF OF; never IF */

/* Properties of a ROM. */
#define ROM_OWNS_TRAPS                                                                             \
	(1 << 0) /* it sees every trap first: a site may be a trapping opcode, and a               \
	            fault in a springboard arrives at the original address */
#define ROM_KEEPS_ENTRY_TEXT                                                                       \
	(1 << 1) /* sites in [__entry_text_start, __entry_text_end) stay native:                   \
	            page-table isolation maps nothing else there */
#define ROM_KEEPS_FAULTING (1 << 2) /* sites that are __ex_table instructions stay native */

/* Where what is added stands under a ROM for Xen, and what it may fill: the rest of the window up
 * to Xen's own addresses (XEN_ELFNOTE_HV_START_LOW) is the ROM's. */
#define ROM_XEN_WINDOW      0xf5000000
#define ROM_XEN_WINDOW_SIZE 0x00400000
#define ROM_XEN_HOLE        0xf5800000
#define ROM_XEN_VIRT_BASE   0xc0000000 /* where Xen maps guest-physical 0 at first */

/* What every byte of a site with ROM_METHOD_TRAP is: #BP with EIP behind its first byte. */
#define ROM_TRAP_OPCODE 0xcc

/* rom_parameters.flags */
#define ROM_GUEST_TOP_IS_FREE                                                                      \
	(1 << 0) /* Linux's __FIXADDR_TOP is below the region: no reservetop= is needed */

#define ROM_PARAMETERS_SIZE 80

/* How the guest is started. */
#define ROM_GUEST_LINUX     1 /* at guest_entry, flat segments, paging off, ESI = boot_params */
#define ROM_GUEST_MULTIBOOT 2 /* at guest_entry, EAX = 0x2badb002, EBX = multiboot information */

/* Methods, as in the site records. */
#define ROM_METHOD_NONE        0 /* native instruction kept, by the manifest */
#define ROM_METHOD_IN_PLACE    1
#define ROM_METHOD_SPRINGBOARD 2
#define ROM_METHOD_HOP         3 /* springboard, reached by a short jump to a jump */
#define ROM_METHOD_RETARGET    4 /* springboard whose window had branch targets inside */
#define ROM_METHOD_TRAP        5
#define ROM_METHOD_ALTERNATIVE 6 /* inert: part of a replacement that is never put in place */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct rom_header { /* VMI API 13; the first bytes as in every option ROM */
	uint16_t rom_signature;
	uint8_t rom_length; /* in 512-byte units, rounded up, 255 at most */
	uint8_t rom_entry[4];
	uint8_t rom_padding;
	uint32_t vmi_signature;
	uint8_t api_minor, api_major;
	uint8_t reserved[ROM_HEADER_SIZE - 14];
};
_Static_assert(sizeof(struct rom_header) == ROM_HEADER_SIZE, "slots 0 to 3");

struct rom_manifest_entry {
	uint16_t call;  /* number in vmi_calls.def */
	uint8_t action; /* ROM_ACTION_* */
	uint8_t inline_size;
	uint32_t clobbers; /* beyond the call's results; at most what vmi_calls.def allows */
	uint8_t inline_bytes[24];
};
_Static_assert(sizeof(struct rom_manifest_entry) == 32, "no padding");

struct rom_manifest {
	uint32_t magic; /* ROM_MANIFEST_MAGIC */
	uint16_t abi_version;
	uint16_t entry_count;
	uint32_t properties; /* ROM_OWNS_TRAPS ... */
	char name[20];       /* "native", "xen", ...; ends with a NUL */
	struct rom_manifest_entry entries[];
};
_Static_assert(sizeof(struct rom_manifest) == 32, "no padding");

/* What the patcher tells the ROM. Physical means guest-physical. */
struct rom_parameters {
	uint32_t magic; /* ROM_PARAMETERS_MAGIC */
	uint16_t abi_version;
	uint16_t guest_kind;     /* ROM_GUEST_* */
	uint32_t region_virtual; /* of the first byte of springboards and ROM */
	uint32_t region_physical;
	uint32_t region_size;
	uint32_t rom_virtual;          /* of the ROM's header: call n is at rom_virtual + 32 n */
	uint32_t guest_entry;          /* physical */
	uint32_t guest_offset;         /* the guest's virtual minus physical address */
	uint32_t guest_physical_start; /* of its lowest segment */
	uint32_t guest_physical_end;   /* behind all it may use before it reads the memory map */
	uint32_t springboards_virtual;
	uint32_t springboards_size;
	uint32_t sites_virtual; /* struct rom_site[], ascending addresses */
	uint32_t site_count;
	uint32_t origins_virtual; /* struct rom_origin[], ascending springboard addresses */
	uint32_t origin_count;
	uint32_t flags; /* ROM_GUEST_TOP_IS_FREE */
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct rom_parameters) == ROM_PARAMETERS_SIZE, "no padding");

/* One site, for the ROM (which call was this? what stood here?) and for verify. */
struct rom_site {
	uint32_t address;     /* guest-virtual, of the sensitive instruction */
	uint32_t window;      /* of the first byte replaced; address where none was */
	uint32_t springboard; /* guest-virtual; 0 if there is none */
	uint16_t call;
	uint8_t method;        /* ROM_METHOD_* */
	uint8_t length;        /* of the instruction */
	uint8_t window_length; /* bytes replaced, 0 if none */
	uint8_t original[15];  /* the sensitive instruction's bytes, as many as length */
};
_Static_assert(sizeof(struct rom_site) == 32, "no padding");

/*
 * From here to the next origin a springboard's code stands for the instruction of the guest at
 * original. For a fault with EIP in it, or in a slot that was called from it (then EIP is that of
 * the call, one before the return address), the guest is to see the fault at original, with
 * ESP + pushed as its ESP (ESP of the call instruction, before it pushes), and with the registers
 * that are saved taken from the stack. The words saved stand one below the other from that ESP on:
 * first ROM_SAVED_RESULT's, whose content is nobody's, then EAX, the flags, ECX, EDX, EBX, EBP,
 * ESI, EDI, those that are there. Starting again at original is then right.
 */
#define ROM_SAVED_FLAGS                                                                            \
	(1 << 8) /* SF ZF AF PF CF in bits 15-8 as lahf has them, OF in bit 0; EAX's bit is 0 */
#define ROM_SAVED_RESULT (1 << 9)

struct rom_origin {
	uint32_t springboard; /* guest-virtual, first byte */
	uint32_t original;    /* guest-virtual */
	uint16_t saved;       /* registers by number, ROM_SAVED_* */
	uint8_t pushed;       /* bytes */
	uint8_t reserved;
};
_Static_assert(sizeof(struct rom_origin) == 12, "no padding");

/*
 * A row of .rom_cpuid: which bits can be 1 in one register where the guest executes CPUID with one
 * of these leaves and that subleaf. What no row names is 0. Without the section nothing is known of
 * what a ROM hides. Read by the patcher only: alternatives whose feature is hidden are never
 * applied.
 */
#define ROM_CPUID_ANY_SUBLEAF 0xffffffff

struct rom_cpuid {
	uint32_t first_leaf, last_leaf;
	uint32_t subleaf;
	uint32_t number; /* register: EAX 0, EBX 1, ECX 2, EDX 3 */
	uint32_t visible;
};
_Static_assert(sizeof(struct rom_cpuid) == 20, "no padding");

#endif
#endif
