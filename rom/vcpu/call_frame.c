/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls as the guest made them: arguments on its stack, and where its own instruction stands. That
 * is told by the table of origins (patchtables/rom_abi.h).
 */

#include "rom/platform/xen/call_site.h"
#include "rom/platform/xen/start.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/escaped.h"

bool is_in_region(uint32_t address)
{
	return window_address(address) - rom_parameters.region_virtual < rom_parameters.region_size;
}

bool is_behind_call(uint32_t address)
{
	const uint8_t *code = (const uint8_t *)window_address(address);

	return call_number(address) >= 0 && code[-2] == 0xcd && code[0] == 0xc3;
}

static bool is_in_springboards(uint32_t address)
{
	return address - rom_parameters.springboards_virtual < rom_parameters.springboards_size;
}

bool is_in_wedge(uint32_t address)
{
	return is_in_region(address) && !is_in_springboards(window_address(address));
}

/* The last origin at or below an address in the springboards, or null. */
static const struct rom_origin *find_origin(uint32_t address)
{
	const struct rom_origin *origins =
	    (const struct rom_origin *)rom_parameters.origins_virtual;
	uint32_t low = 0, high = rom_parameters.origin_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (origins[middle].springboard <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &origins[low - 1] : NULL;
}

/* lahf's bits in 15-8, OF in bit 0. */
static void restore_flags(struct rom_frame *frame, uint32_t word)
{
	const uint32_t status = 0xd5, overflow = 0x800;

	frame->eflags &= ~(status | overflow);
	frame->eflags |= (word >> 8 & status) | (word & 1 ? overflow : 0);
}

/* Takes what the springboard saved from the guest's stack; esp is the guest's own. */
static void restore_saved(struct rom_frame *frame, uint32_t saved, uint32_t esp)
{
	uint32_t *const places[] = {NULL,        &frame->eax, NULL,        &frame->ecx, &frame->edx,
	                            &frame->ebx, &frame->ebp, &frame->esi, &frame->edi};
	static const uint16_t bits[] = {ROM_SAVED_RESULT, 1 << 0, ROM_SAVED_FLAGS, 1 << 1, 1 << 2,
	                                1 << 3,           1 << 5, 1 << 6,          1 << 7};

	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		uint32_t word;

		if (!(saved & bits[i]))
			continue;
		esp -= 4;
		if (!guest_read(stack_linear(frame, esp), &word, sizeof(word)))
			return;
		if (places[i])
			*places[i] = word;
		else if (bits[i] == ROM_SAVED_FLAGS)
			restore_flags(frame, word);
	}
}

bool frame_to_origin(struct rom_frame *frame, uint32_t at)
{
	uint32_t address = window_address(at);
	const struct rom_origin *origin;

	if (!is_in_springboards(address))
		return false;
	origin = find_origin(address);
	if (!origin)
		return false;
	frame->esp = stack_moved(frame, origin->pushed);
	restore_saved(frame, origin->saved, frame->esp);
	frame->eip = origin->original;
	if (address != at)
		frame->eip -= rom_parameters.guest_offset;
	return true;
}

void frame_leave_slot(struct rom_frame *frame)
{
	uint32_t back;

	if (frame_ring(frame) != RING_GUEST || !is_behind_call(frame->eip) ||
	    !guest_read(stack_linear(frame, frame->esp), &back, sizeof(back)))
		return;
	frame->eip = back;
	frame->esp = stack_moved(frame, 4);
}

void call_to_site(struct rom_frame *frame)
{
	uint32_t back;

	if (emulation_to_site(frame) ||
	    !guest_read(stack_linear(frame, frame->esp), &back, sizeof(back)))
		return;
	frame->esp = stack_moved(frame, 4);
	if (!frame_to_origin(frame, back - 1))
		frame->eip = back - 5; /* in place: the call is the site */
}

/* The site at a guest-virtual address. */
static const struct rom_site *search_site(uint32_t address)
{
	const struct rom_site *sites = (const struct rom_site *)rom_parameters.sites_virtual;
	uint32_t low = 0, high = rom_parameters.site_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sites[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rom_parameters.site_count && sites[low].address == address ? &sites[low]
	                                                                        : NULL;
}

const struct rom_site *site_at(uint32_t address)
{
	const struct rom_site *site = search_site(address);

	return site ? site : search_site(address + rom_parameters.guest_offset);
}

uint32_t call_behind_site(struct rom_frame *frame)
{
	const struct rom_site *site;
	uint32_t address;

	call_to_site(frame);
	address = frame->eip;
	site = site_at(address);
	if (site)
		frame->eip += site->length;
	return address;
}

void call_fault(struct rom_frame *frame, uint16_t vector, uint32_t error)
{
	call_to_site(frame);
	deliver(frame, &(struct exception){
			   .vector = vector, .has_error = vector >= VECTOR_TS, .error = error});
}

void call_memory_fault(struct rom_frame *frame)
{
	struct exception fault = vcpu.fault;

	call_to_site(frame);
	deliver(frame, &fault);
}

bool call_words(struct rom_frame *frame, uint32_t *words, unsigned int count)
{
	uint32_t offset = frame->esp;

	for (unsigned int i = 0; i < count; i++, offset += 4)
		if (!guest_read(stack_linear(frame, offset), &words[i], sizeof(words[i]))) {
			call_memory_fault(frame);
			return false;
		}
	return true;
}

void call_push(struct rom_frame *frame, uint32_t value, uint32_t size)
{
	uint32_t back;

	if (!call_words(frame, &back, 1))
		return;
	if (!guest_write(stack_linear(frame, frame->esp - size), &back, 4) ||
	    !guest_write(stack_linear(frame, frame->esp + 4 - size), &value, size)) {
		call_memory_fault(frame);
		return;
	}
	frame->esp = stack_moved(frame, -(int32_t)size);
}

bool call_pop(struct rom_frame *frame, uint32_t *value, uint32_t size)
{
	uint32_t words[2];

	if (!call_words(frame, words, 2))
		return false;
	if (!guest_write(stack_linear(frame, frame->esp + size), &words[0], 4)) {
		call_memory_fault(frame);
		return false;
	}
	*value = size == 2 ? words[1] & 0xffff : words[1];
	frame->esp = stack_moved(frame, (int32_t)size);
	return true;
}
