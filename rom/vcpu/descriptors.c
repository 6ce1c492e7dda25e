/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The guest's descriptors and the real ones. The real GDT is the ROM's (platform_set_descriptor());
 * an entry of it is the guest's with privilege level 2 for 0 and 1, or absent where the guest has a
 * system descriptor: those are only read here. `seen` has the guest's entry that the real one was
 * made of.
 */

#include "rom/vcpu/platform.h"
#include "rom/vcpu/vcpu.h"

/* Entries of the ROM's own, which no guest selector reaches: see freeze(). */
#define FROZEN_CS   (PLATFORM_DESCRIPTORS - 2)
#define FROZEN_SS   (PLATFORM_DESCRIPTORS - 1)
#define ESPFIX_SS   (PLATFORM_DESCRIPTORS - 3)
#define GUEST_LIMIT (PLATFORM_DESCRIPTORS - 3)

#define BOOT_CODE 0x10
#define BOOT_DATA 0x18
#define FLAT_CODE 0x00cf9b000000ffffull
#define FLAT_DATA 0x00cf93000000ffffull

static uint64_t seen[2][PLATFORM_DESCRIPTORS]; /* GDT, LDT */
static uint64_t real[2][PLATFORM_DESCRIPTORS];

/* Present real entries with DPL 3; hot_calls.S compares the guest's with what was seen. */
#define USER_ENTRIES 32
static uint16_t user_entries[USER_ENTRIES]; /* selectors */
uint32_t user_entry_count;
const uint64_t *user_entry_guest[USER_ENTRIES];
const uint64_t *user_entry_seen[USER_ENTRIES];

uint32_t descriptor_base(uint64_t descriptor)
{
	return (uint32_t)(descriptor >> 16 & 0xffffff) | (uint32_t)(descriptor >> 56) << 24;
}

uint32_t descriptor_limit(uint64_t descriptor)
{
	uint32_t limit = (uint32_t)(descriptor & 0xffff) | ((uint32_t)(descriptor >> 32) & 0xf0000);

	return descriptor & DESCRIPTOR_GRANULAR ? limit << 12 | 0xfff : limit;
}

bool descriptor_read(uint16_t selector, uint64_t *descriptor)
{
	const struct table_register *table = selector & SELECTOR_LDT ? &vcpu.ldt_table : &vcpu.gdt;
	uint32_t offset = selector & ~7u;

	if (offset + 7 > table->limit || (selector & SELECTOR_LDT && vcpu.ldt == 0)) {
		vcpu.fault.vector = VECTOR_NONE;
		return false;
	}
	return guest_read(table->base + offset, descriptor, sizeof(*descriptor));
}

/*
 * The real entry for a guest's. One that was not accessed yet is not present: the fault on its
 * first use (descriptor_sync()) sets its accessed bit, as the processor does in its own table.
 * (What only looks at descriptors, verw and its like, takes no notice of the present bit.)
 */
static uint64_t reflect(uint64_t descriptor)
{
	if (!(descriptor & DESCRIPTOR_SEGMENT))
		return 0;
	if (!(descriptor & DESCRIPTOR_ACCESSED))
		descriptor &= ~DESCRIPTOR_PRESENT;
	if (DESCRIPTOR_DPL(descriptor) < RING_GUEST)
		descriptor = (descriptor & ~(3ull << 45)) | (uint64_t)RING_GUEST << 45;
	return descriptor & ~DESCRIPTOR_LONG;
}

static bool is_for_user(uint64_t descriptor)
{
	return descriptor & DESCRIPTOR_PRESENT && DESCRIPTOR_DPL(descriptor) == 3;
}

/* After a change of the tables' places, too. */
static void place_user_entries(void)
{
	for (unsigned int i = 0; i < user_entry_count; i++) {
		unsigned int table = user_entries[i] & SELECTOR_LDT ? 1 : 0;
		uint32_t base = table ? vcpu.ldt_table.base : vcpu.gdt.base;

		user_entry_guest[i] = (const uint64_t *)(base + (user_entries[i] & ~7u));
		user_entry_seen[i] = &seen[table][user_entries[i] >> 3];
	}
}

static void note_user_entry(uint16_t selector)
{
	for (unsigned int i = 0; i < user_entry_count; i++)
		if (user_entries[i] == selector)
			return;
	if (user_entry_count == USER_ENTRIES)
		platform_panic(NULL, "more descriptors for user mode than there is room for");
	user_entries[user_entry_count++] = selector;
	place_user_entries();
}

/* Makes the real entry what this guest's entry asks for; true if it is another now. */
static bool set(uint16_t selector, uint64_t descriptor)
{
	unsigned int table = selector & SELECTOR_LDT ? 1 : 0;
	unsigned int index = selector >> 3;
	uint64_t wanted = reflect(descriptor);

	seen[table][index] = descriptor;
	if (wanted == real[table][index])
		return false;
	real[table][index] = wanted;
	platform_set_descriptor(table == 1, index, wanted);
	if (is_for_user(wanted))
		note_user_entry(selector & (uint16_t)~SELECTOR_RPL);
	return true;
}

static void mark_accessed(uint16_t selector, uint64_t *descriptor)
{
	const uint64_t wanted = DESCRIPTOR_SEGMENT | DESCRIPTOR_PRESENT;
	const struct table_register *table = selector & SELECTOR_LDT ? &vcpu.ldt_table : &vcpu.gdt;
	uint8_t access = (uint8_t)(*descriptor >> 40) | 1;

	if ((*descriptor & (wanted | DESCRIPTOR_ACCESSED)) == wanted &&
	    guest_write(table->base + (selector & ~7u) + 5, &access, 1))
		*descriptor |= DESCRIPTOR_ACCESSED;
}

bool descriptor_sync(uint16_t selector)
{
	uint64_t descriptor;

	if (selector >> 3 >= GUEST_LIMIT || (selector & SELECTOR_INDEX) == 0)
		return false;
	if (!descriptor_read(selector, &descriptor))
		descriptor = 0;
	mark_accessed(selector, &descriptor);
	return set(selector, descriptor);
}

uint64_t descriptor_real(uint16_t selector)
{
	unsigned int index = selector >> 3;

	return index < PLATFORM_DESCRIPTORS ? real[selector & SELECTOR_LDT ? 1 : 0][index] : 0;
}

/* An entry of a new table. */
static void look_at(uint16_t selector)
{
	uint64_t descriptor;

	if (!descriptor_read(selector, &descriptor))
		descriptor = 0;
	set(selector, descriptor);
}

/*
 * Code between lgdt and its far jump runs on the CS and SS of the old table, which the processor
 * has in its registers; here Xen loads them anew at each return. So the old descriptors move to
 * entries of their own until the guest loads CS and SS again.
 */
static uint16_t frozen_cs, frozen_ss; /* as the guest knows them */

uint32_t virtual_selector(uint32_t selector)
{
	selector &= 0xffff;
	if (selector == (FROZEN_CS << 3 | RING_GUEST))
		return frozen_cs;
	if (selector == (FROZEN_SS << 3 | RING_GUEST))
		return frozen_ss;
	return (selector & SELECTOR_RPL) == RING_GUEST ? selector & ~SELECTOR_RPL : selector;
}

/* Whether the new table has for a selector what a register has of the old one. */
static bool is_same(uint16_t selector, uint64_t in_use)
{
	uint64_t descriptor;

	return descriptor_read(selector, &descriptor) &&
	       reflect(descriptor | DESCRIPTOR_ACCESSED) == in_use;
}

static void freeze(uint32_t *selector, uint32_t entry, uint16_t *known)
{
	uint32_t index = (*selector & 0xffff) >> 3;
	uint16_t guests = (uint16_t)virtual_selector(*selector);

	if (is_same(guests, descriptor_real((uint16_t)*selector))) {
		*selector = guests | RING_GUEST;
		descriptor_sync(guests);
		return;
	}
	if (index == entry || index == 0)
		return;
	*known = (uint16_t)virtual_selector(*selector);
	real[0][entry] = descriptor_real((uint16_t)*selector);
	platform_set_descriptor(false, entry, real[0][entry]);
	*selector = entry << 3 | RING_GUEST;
}

bool selectors_frozen(const struct rom_frame *frame)
{
	return (frame->cs & 0xffff) >> 3 == FROZEN_CS || (frame->ss & 0xffff) >> 3 == FROZEN_SS;
}

void descriptors_sync_gdt(struct rom_frame *frame)
{
	freeze(&frame->cs, FROZEN_CS, &frozen_cs);
	freeze(&frame->ss, FROZEN_SS, &frozen_ss);
	place_user_entries();
	for (uint32_t index = 1; index < GUEST_LIMIT; index++) {
		look_at((uint16_t)(8 * index));
	}
}

/* The list of entries for user mode without those of the LDT. */
static void forget_local_entries(void)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < user_entry_count; i++)
		if (!(user_entries[i] & SELECTOR_LDT))
			user_entries[kept++] = user_entries[i];
	user_entry_count = kept;
	place_user_entries();
}

void descriptors_sync_ldt(void)
{
	forget_local_entries();
	for (uint32_t index = 0; index < PLATFORM_DESCRIPTORS; index++) {
		uint16_t selector = (uint16_t)(8 * index | SELECTOR_LDT);

		look_at(selector);
		if (is_for_user(real[1][index]))
			note_user_entry(selector);
	}
}

/* fs and gs are the guest's own all the time. */
static void reload(struct rom_frame *frame, uint16_t selector)
{
	(void)frame; /* es and ds are loaded from the frame on the way out */
	if ((platform_get_fs() & SELECTOR_INDEX) == selector)
		platform_set_fs(platform_get_fs());
	if ((platform_get_gs() & SELECTOR_INDEX) == selector)
		platform_set_gs(platform_get_gs());
}

void descriptors_sync_user(struct rom_frame *frame)
{
	for (unsigned int i = 0; i < user_entry_count; i++) {
		uint16_t selector = user_entries[i];
		uint64_t descriptor;

		if (!descriptor_read(selector, &descriptor))
			descriptor = 0;
		if (descriptor == seen[selector & SELECTOR_LDT ? 1 : 0][selector >> 3])
			continue;
		if (set(selector, descriptor))
			reload(frame, selector);
	}
}

uint32_t stack_linear(const struct rom_frame *frame, uint32_t offset)
{
	uint64_t descriptor = descriptor_real((uint16_t)frame->ss);

	if (!(descriptor & DESCRIPTOR_BIG))
		offset &= 0xffff;
	return descriptor_base(descriptor) + offset;
}

uint32_t stack_moved(const struct rom_frame *frame, int32_t by)
{
	uint32_t esp = frame->esp + (uint32_t)by;

	if (descriptor_real((uint16_t)frame->ss) & DESCRIPTOR_BIG)
		return esp;
	return (frame->esp & 0xffff0000) | (esp & 0xffff);
}

struct espfix_stack espfix_stack;

void stack_prepare_return(const struct rom_frame *frame, const void *bottom)
{
	uint32_t own = (uint32_t)bottom & 0xffff0000, wanted = frame->esp & 0xffff0000;
	uint64_t base = own - wanted;

	espfix_stack.selector = 0;
	if (descriptor_real((uint16_t)frame->ss) & DESCRIPTOR_BIG || own == wanted)
		return;
	espfix_stack.esp = wanted | ((uint32_t)bottom & 0xffff);
	espfix_stack.selector = ESPFIX_SS << 3 | RING_ROM;
	platform_set_descriptor(false, ESPFIX_SS,
	                        (FLAT_DATA & ~(3ull << 45)) | (uint64_t)RING_ROM << 45 |
	                            (base & 0xffffff) << 16 | base >> 24 << 56);
}

void descriptors_initialise(void)
{
	set(BOOT_CODE, FLAT_CODE);
	set(BOOT_DATA, FLAT_DATA);
}
