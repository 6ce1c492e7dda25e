/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mmu/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/mmu/random.h"

#define PAGE_BYTES   4096u
#define POOL_LIMIT   1024u
#define FRAME_BASE   0x123000u /* of frame numbers: none is a guest-physical page's */
#define FRAMES       (GUEST_PAGES + POOL_LIMIT + 64)
#define WINDOW_L1S   ((WINDOW_END - WINDOW_START) >> 21)
#define TLB_SIZE     4096u
#define TABLE_FLAGS  0x8000000000000e67ULL
#define ADDRESS_MASK 0x00fffffffffff000ULL
#define NX           0x8000000000000000ULL

enum type { PLAIN, WRITABLE, LEVEL1, LEVEL2, LEVEL3 };

struct frame {
	enum type type;
	uint32_t count; /* of references that need the type */
	uint32_t plain_references;
	bool pinned;
	bool guest; /* the guest's memory */
};

static struct {
	int file;
	uint8_t *memory; /* all frames */
	struct frame frames[FRAMES];
	uint32_t p2m[GUEST_PAGES];
	uint32_t l3, kernel_l2, window_l1[WINDOW_L1S], rom, void_frame;
	struct mmu_platform platform;
	uint32_t pool_frames[POOL_LIMIT];
	uint8_t *pool, *windows;
	size_t pool_size, windows_size;
	uint32_t window_frame[4096];
	int open_page;
	struct {
		uint32_t page;
		struct translation translation;
	} tlb[TLB_SIZE];
} machine;

struct machine_counters machine_counters;
bool machine_has_alias = true;
jmp_buf *machine_fatal;

/* --- memory --- */

static uint8_t *frame_memory(uint32_t frame)
{
	if (frame < FRAME_BASE || frame - FRAME_BASE >= FRAMES)
		fail_msg("frame %#x does not exist", frame);
	return machine.memory + (size_t)(frame - FRAME_BASE) * PAGE_BYTES;
}

static struct frame *frame_of(uint32_t frame)
{
	frame_memory(frame);
	return &machine.frames[frame - FRAME_BASE];
}

static uint64_t *entries_of(uint32_t frame)
{
	return (uint64_t *)(void *)frame_memory(frame);
}

void *guest_memory(uint32_t pfn)
{
	uint32_t frame = backend_machine_frame(pfn);
	return frame == MMU_NO_FRAME ? NULL : frame_memory(frame);
}

uint32_t backend_machine_frame(uint32_t pfn)
{
	return pfn < ROM_PAGES_START ? machine.p2m[pfn] : MMU_NO_FRAME;
}

uint32_t expected_frame(uint64_t physical)
{
	uint64_t pfn = physical >> 12;
	return pfn < ROM_PAGES_START ? machine.p2m[pfn] : machine.void_frame;
}

uint32_t void_frame(void)
{
	return machine.void_frame;
}

uint32_t rom_frame(uint32_t linear)
{
	(void)linear;
	return machine.rom;
}

/* --- what a page is used as --- */

static void get_type(uint32_t number, enum type type);
static void put_type(uint32_t number, enum type type);

/* The references that an entry of a table makes, taken or given back. */
static void refer(enum type level, uint64_t entry, bool take)
{
	uint32_t frame = (uint32_t)((entry & ADDRESS_MASK) >> 12);
	if (!(entry & 1)) {
		if (entry)
			fail_msg("entry %#llx is not zero and not present",
			         (unsigned long long)entry);
		return;
	}
	if (entry & ~(ADDRESS_MASK | TABLE_FLAGS))
		fail_msg("level %d entry %#llx has bits that Xen refuses", level,
		         (unsigned long long)entry);
	if (level == LEVEL3 && entry & 0xffeULL)
		fail_msg("L3 entry %#llx has flags", (unsigned long long)entry);
	struct frame *page = frame_of(frame);
	if (level == LEVEL1 && !(entry & 2)) {
		page->plain_references += take ? 1 : -1;
		return;
	}
	enum type type = level == LEVEL1 ? WRITABLE : level == LEVEL2 ? LEVEL1 : LEVEL2;
	if (take)
		get_type(frame, type);
	else
		put_type(frame, type);
}

static void refer_all(uint32_t number, enum type type, bool take)
{
	if (type < LEVEL1)
		return;
	const uint64_t *entry = entries_of(number);
	for (uint32_t i = 0; i < (type == LEVEL3 ? 4 : MMU_ENTRIES); i++) {
		if (entry[i])
			machine_counters.instructions += take ? 205 : 165;
		refer(type, entry[i], take);
	}
}

static void get_type(uint32_t number, enum type type)
{
	struct frame *frame = frame_of(number);
	if (frame->count && frame->type != type)
		fail_msg("frame %#x is wanted as type %d and is type %d", number, type,
		         frame->type);
	if (number == machine.void_frame && type != PLAIN)
		fail_msg("the page of ones is wanted as type %d", type);
	if (!frame->count) {
		frame->type = type;
		frame->count = 1;
		refer_all(number, type, true);
		return;
	}
	frame->count++;
}

static void put_type(uint32_t number, enum type type)
{
	struct frame *frame = frame_of(number);
	if (!frame->count || frame->type != type)
		fail_msg("frame %#x is not type %d", number, type);
	if (!--frame->count)
		refer_all(number, type, false);
}

/* --- the processor's cache --- */

static uint32_t tlb_slot(uint32_t linear)
{
	return (linear >> 12 ^ linear >> 21 << 3) % TLB_SIZE;
}

static void flush_linear(uint32_t linear)
{
	uint32_t slot = tlb_slot(linear);
	if (machine.tlb[slot].page == linear >> 12)
		machine.tlb[slot].translation.present = false;
}

static void flush_everything(void)
{
	for (uint32_t i = 0; i < TLB_SIZE; i++)
		machine.tlb[i].translation.present = false;
}

struct translation cached_translation(uint32_t linear)
{
	uint32_t slot = tlb_slot(linear);
	if (machine.tlb[slot].page == linear >> 12)
		return machine.tlb[slot].translation;
	return (struct translation){0};
}

struct translation shadow_walk(uint32_t linear)
{
	struct translation none = {0}, found = {.present = true, .write = true, .user = true};
	uint64_t entry = entries_of(machine.l3)[linear >> 30];
	for (int level = 2; entry & 1 && level > 0; level--) {
		uint32_t index = linear >> (level == 2 ? 21 : 12) & (MMU_ENTRIES - 1);
		entry = entries_of((uint32_t)((entry & ADDRESS_MASK) >> 12))[index];
		found.write &= entry >> 1 & 1;
		found.user &= entry >> 2 & 1;
		found.nx |= entry >> 63;
	}
	if (!(entry & 1))
		return none;
	found.frame = (uint32_t)((entry & ADDRESS_MASK) >> 12);
	return found;
}

static bool permits(const struct translation *translation, uint32_t access)
{
	return translation->present && (translation->write || !(access & MMU_WRITE)) &&
	       (translation->user || !(access & MMU_USER)) &&
	       (!translation->nx || !(access & MMU_FETCH));
}

void processor_speculate(uint32_t linear)
{
	struct translation translation = shadow_walk(linear);
	uint32_t slot = tlb_slot(linear);
	if (!translation.present || cached_translation(linear).present)
		return;
	machine.tlb[slot].page = linear >> 12;
	machine.tlb[slot].translation = translation;
}

bool processor_access(uint32_t linear, uint32_t access, uint32_t *frame, uint32_t *error_code)
{
	struct translation found = cached_translation(linear);
	if (!found.present)
		found = shadow_walk(linear);
	if (!permits(&found, access)) {
		flush_linear(linear);
		*error_code = access | (found.present ? MMU_PRESENT : 0);
		return false;
	}
	uint32_t slot = tlb_slot(linear);
	machine.tlb[slot].page = linear >> 12;
	machine.tlb[slot].translation = found;
	*frame = found.frame;
	return true;
}

/* --- hypercalls --- */

static void hypercall(uint64_t instructions)
{
	if (machine.open_page >= 0)
		fail_msg("a call while page %d is open", machine.open_page);
	machine_counters.hypercalls++;
	machine_counters.instructions += instructions;
}

/* Which entries the MMU may write. */
static void check_place(uint32_t frame, uint32_t index)
{
	if (frame == machine.l3 && index >= 3)
		fail_msg("L3 entry %u is written", index);
	if (frame == machine.kernel_l2 && index >= (WINDOW_START >> 21 & 511))
		fail_msg("entry %u of slot 3's L2 is written", index);
	for (uint32_t i = 0; i < machine.platform.pool_pages; i++)
		if (machine.pool_frames[i] == frame)
			return;
	if (frame != machine.l3 && frame != machine.kernel_l2)
		fail_msg("frame %#x is no table of the MMU's", frame);
}

static void write_entry(const struct mmu_update *update)
{
	uint32_t frame = (uint32_t)(update->entry >> 12);
	uint32_t index = (uint32_t)(update->entry & 0xfff) / 8;
	uint64_t *entry = &entries_of(frame)[index];
	const struct frame *page = frame_of(frame);
	if (update->entry & 7)
		fail_msg("update of %#llx", (unsigned long long)update->entry);
	check_place(frame, index);
	if (!page->count || page->type < LEVEL1)
		fail_msg("frame %#x is written as a table and is none", frame);
	refer(page->type, update->value, true);
	refer(page->type, *entry, false);
	*entry = update->value;
}

/* Where the L1 entry of a linear address is; 0 if there is no L1. */
static uint64_t l1_entry_address(uint32_t linear)
{
	uint64_t entry = entries_of(machine.l3)[linear >> 30];
	if (entry & 1)
		entry = entries_of((uint32_t)((entry & ADDRESS_MASK) >> 12))[linear >> 21 & 511];
	return entry & 1 ? (entry & ADDRESS_MASK) | (linear >> 12 & 511) * 8 : 0;
}

static bool has_tables(const struct mmu_update *updates, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (frame_of((uint32_t)(updates[i].entry >> 12))->type >= LEVEL2)
			return true;
	return false;
}

void backend_update(const struct mmu_update *updates, uint32_t count, enum mmu_flush flush,
                    uint32_t linear)
{
	hypercall(311 + 525ull * count);
	machine_counters.entries += count;
	for (uint32_t i = 0; i < count; i++)
		write_entry(&updates[i]);
	if (flush == MMU_FLUSH_PAGE) {
		if (count == 1 && updates->entry != l1_entry_address(linear))
			fail_msg("entry %#llx is not that of %#x",
			         (unsigned long long)updates->entry, linear);
		machine_counters.page_flushes++;
		flush_linear(linear);
	} else if (flush != MMU_FLUSH_NONE) {
		if (flush == MMU_FLUSH_ALL_WITH_TABLES && !has_tables(updates, count))
			fail_msg("no entry of an L2 or L3 is among %u", count);
		machine_counters.flushes++;
		flush_everything();
	}
}

uint64_t *backend_table_open(uint32_t page)
{
	hypercall(847);
	const struct frame *frame = frame_of(machine.pool_frames[page]);
	if (frame->count)
		fail_msg("page %u is opened and is of type %d", page, frame->type);
	machine.open_page = (int)page;
	return entries_of(machine.pool_frames[page]);
}

void backend_table_close(uint32_t page)
{
	if (machine.open_page != (int)page)
		fail_msg("page %u is closed and was not open", page);
	machine.open_page = -1;
	hypercall(847);
}

void backend_table_pin(uint32_t page, uint32_t level)
{
	hypercall(10800);
	struct frame *frame = frame_of(machine.pool_frames[page]);
	if (frame->pinned)
		fail_msg("page %u is pinned twice", page);
	get_type(machine.pool_frames[page], level == 1 ? LEVEL1 : LEVEL2);
	frame->pinned = true;
	machine_counters.pins++;
}

void backend_table_unpin(uint32_t page)
{
	hypercall(9800);
	struct frame *frame = frame_of(machine.pool_frames[page]);
	if (!frame->pinned)
		fail_msg("page %u is unpinned and was not pinned", page);
	frame->pinned = false;
	put_type(machine.pool_frames[page], frame->type);
	if (frame->count)
		fail_msg("page %u is unpinned and still in use", page);
	machine_counters.unpins++;
}

void backend_window_map(uint32_t slot, uint32_t frame)
{
	hypercall(847 + 66);
	machine_counters.windows++;
	if (slot >= machine.platform.window_count)
		fail_msg("window %u does not exist", slot);
	if (machine.window_frame[slot] != MMU_NO_FRAME)
		put_type(machine.window_frame[slot], WRITABLE);
	get_type(frame, WRITABLE);
	machine.window_frame[slot] = frame;
	if (mmap(machine.windows + (size_t)slot * PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_WRITE,
	         MAP_SHARED | MAP_FIXED, machine.file,
	         (off_t)(frame - FRAME_BASE) * PAGE_BYTES) == MAP_FAILED)
		fail_msg("mmap");
}

_Noreturn void backend_fatal(const char *what, uint32_t first, uint32_t second)
{
	if (machine_fatal)
		longjmp(*machine_fatal, 1);
	fail_msg("fatal: %s %#x %#x", what, first, second);
	abort();
}

/* --- start and end --- */

static void shuffle_frames(uint64_t seed)
{
	static uint32_t order[FRAMES];
	struct random random = {seed};
	for (uint32_t i = 0; i < FRAMES; i++)
		order[i] = FRAME_BASE + i;
	for (uint32_t i = FRAMES - 1; i; i--) {
		uint32_t other = random_below(&random, i + 1), frame = order[i];
		order[i] = order[other];
		order[other] = frame;
	}
	const uint32_t *next = order;
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		machine.p2m[i] = *next++;
	for (uint32_t i = 0; i < POOL_LIMIT; i++)
		machine.pool_frames[i] = *next++;
	machine.l3 = *next++;
	machine.kernel_l2 = *next++;
	machine.rom = *next++;
	machine.void_frame = *next++;
	for (uint32_t i = 0; i < WINDOW_L1S; i++)
		machine.window_l1[i] = *next++;
}

static void map_everything(uint32_t pool_pages, uint32_t window_count)
{
	machine.file = memfd_create("machine", 0);
	if (machine.file < 0 || ftruncate(machine.file, (off_t)FRAMES * PAGE_BYTES))
		fail_msg("no memory");
	machine.memory = mmap(NULL, (size_t)FRAMES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
	                      machine.file, 0);
	machine.pool_size = (size_t)pool_pages * PAGE_BYTES;
	machine.pool = mmap(NULL, machine.pool_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	machine.windows_size = (size_t)window_count * PAGE_BYTES;
	machine.windows =
	    mmap(NULL, machine.windows_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (machine.memory == MAP_FAILED || machine.pool == MAP_FAILED ||
	    machine.windows == MAP_FAILED)
		fail_msg("no address space");
	for (uint32_t i = 0; i < pool_pages; i++) {
		off_t offset = (off_t)(machine.pool_frames[i] - FRAME_BASE) * PAGE_BYTES;
		if (mmap(machine.pool + (size_t)i * PAGE_BYTES, PAGE_BYTES, PROT_READ,
		         MAP_SHARED | MAP_FIXED, machine.file, offset) == MAP_FAILED)
			fail_msg("mmap");
	}
}

static void make_live_tables(void)
{
	for (uint32_t i = 0; i < WINDOW_L1S; i++) {
		for (uint32_t j = 0; j < MMU_ENTRIES; j++)
			entries_of(machine.window_l1[i])[j] = (uint64_t)machine.rom << 12 | 0x63;
		entries_of(machine.kernel_l2)[(WINDOW_START >> 21 & 511) + i] =
		    (uint64_t)machine.window_l1[i] << 12 | 0x67;
	}
	entries_of(machine.l3)[3] = (uint64_t)machine.kernel_l2 << 12 | 1;
	memset(frame_memory(machine.void_frame), 0xff, PAGE_BYTES);
	get_type(machine.l3, LEVEL3);
}

void machine_start(uint32_t pool_pages, uint32_t window_count, uint64_t seed)
{
	memset(&machine, 0, sizeof(machine));
	memset(&machine_counters, 0, sizeof(machine_counters));
	machine.open_page = -1;
	shuffle_frames(seed);
	map_everything(pool_pages, window_count);
	for (uint32_t i = 0; i < 4096; i++)
		machine.window_frame[i] = MMU_NO_FRAME;
	for (uint32_t i = 0; i < POOL_LIMIT; i++) /* whatever was there before */
		memset(frame_memory(machine.pool_frames[i]), 0xa5, PAGE_BYTES);
	for (uint32_t i = 0; i < ROM_PAGES_START; i++)
		frame_of(machine.p2m[i])->guest = true;
	make_live_tables();
	machine.platform = (struct mmu_platform){
	    .window_start = WINDOW_START,
	    .window_end = WINDOW_END,
	    .alias_start = machine_has_alias ? ALIAS_START : 0,
	    .alias_size = ALIAS_SIZE,
	    .physical_bits = MACHINE_PHYSICAL,
	    .l3_address = (uint64_t)machine.l3 << 12,
	    .kernel_l2_address = (uint64_t)machine.kernel_l2 << 12,
	    .kernel_l2 = entries_of(machine.kernel_l2),
	    .pool = (const uint64_t *)(const void *)machine.pool,
	    .pool_frames = machine.pool_frames,
	    .pool_pages = pool_pages,
	    .windows = machine.windows,
	    .window_count = window_count,
	    .void_frame = machine.void_frame,
	    .metadata = calloc(1, mmu_metadata_size(pool_pages)),
	};
	memset(&mmu_counters, 0, sizeof(mmu_counters));
	mmu_notes.count = 0;
	if (!machine.platform.metadata || !mmu_init(&machine.platform))
		fail_msg("mmu_init");
}

const struct mmu_platform *machine_platform(void)
{
	return &machine.platform;
}

void machine_stop(void)
{
	munmap(machine.memory, (size_t)FRAMES * PAGE_BYTES);
	munmap(machine.pool, machine.pool_size);
	munmap(machine.windows, machine.windows_size);
	free(machine.platform.metadata);
	close(machine.file);
	machine_has_alias = true;
	machine_fatal = NULL;
}

/* --- checks --- */

static void check_page(uint32_t linear, uint64_t entry)
{
	uint32_t number = (uint32_t)((entry & ADDRESS_MASK) >> 12);
	if (!frame_of(number)->guest && (number != machine.void_frame || entry & 2))
		fail_msg("%#x is mapped to frame %#x, which is not the guest's: %#llx", linear,
		         number, (unsigned long long)entry);
}

static bool is_window_table(uint32_t frame)
{
	for (uint32_t i = 0; i < WINDOW_L1S; i++)
		if (machine.window_l1[i] == frame)
			return true;
	return false;
}

static void check_chunk(uint32_t linear, uint64_t entry)
{
	uint32_t l1 = (uint32_t)((entry & ADDRESS_MASK) >> 12);
	if (linear >= WINDOW_START && linear < WINDOW_END)
		return;
	if (is_window_table(l1)) {
		if (entry & 4 || linear < ALIAS_START || linear >= ALIAS_START + 0x400000)
			fail_msg("the window shows at %#x: %#llx", linear,
			         (unsigned long long)entry);
		return;
	}
	for (uint32_t i = 0; i < MMU_ENTRIES; i++)
		if (entries_of(l1)[i])
			check_page(linear | i << 12, entries_of(l1)[i]);
}

void machine_check(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t entry = entries_of(machine.l3)[i];
		for (uint32_t j = 0; entry && j < MMU_ENTRIES; j++) {
			uint32_t l2 = (uint32_t)((entry & ADDRESS_MASK) >> 12);
			if (entries_of(l2)[j])
				check_chunk(i << 30 | j << 21, entries_of(l2)[j]);
		}
	}
}
