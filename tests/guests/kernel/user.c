/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/user.h"

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/selectors.h"
#include "tests/guests/kernel/string.h"

static uint8_t text_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t data_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t stack_page[PAGE_SIZE] __attribute__((aligned(4096)));

uint32_t user_fault_address;
void (*user_way)(void) = trap_return;

/* Without paging ring 3 sees the pages where they are. */
static uint32_t seen_at(const uint8_t *page, uint32_t number)
{
	return paging == PAGING_NONE ? (uint32_t)(uintptr_t)page : USER_AREA + number * PAGE_SIZE;
}

uint32_t user_text(void)
{
	return seen_at(text_page, 0);
}

uint32_t user_data(void)
{
	return seen_at(data_page, 1);
}

uint32_t user_stack_top(void)
{
	return seen_at(stack_page, 3) + PAGE_SIZE;
}

struct trap_frame user_state(void)
{
	struct trap_frame frame = {
	    .eip = user_text(),
	    .cs = SELECTOR_USER_CODE,
	    .eflags = FLAG_RESERVED,
	    .user_esp = user_stack_top(),
	    .user_ss = SELECTOR_USER_DATA,
	    .ds = SELECTOR_USER_DATA,
	    .es = SELECTOR_USER_DATA,
	    .esi = user_data(),
	};

	return frame;
}

static void map_pages(void)
{
	if (paging == PAGING_NONE || active_space != &kernel_space)
		return;
	page_map(user_text(), (uint32_t)(uintptr_t)text_page, PAGE_PRESENT | PAGE_USER);
	page_map(user_data(), (uint32_t)(uintptr_t)data_page, PAGE_ANY);
	page_map(user_stack_top() - PAGE_SIZE, (uint32_t)(uintptr_t)stack_page, PAGE_ANY);
	flush_translations();
}

void user_run_bytes(const uint8_t *start, const uint8_t *end, struct trap_frame *frame)
{
	uint32_t size = (uint32_t)(end - start);

	if (size > PAGE_SIZE)
		panic("user program too long");
	memcpy(text_page, start, size);
	map_pages();
	user_fault_address = 0;
	user_enter(frame);
}
