/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mutation/run.h"

#include <string.h>
#include <unicorn/unicorn.h>

#include "patchtables/vmi_calls.h"

#define RUNS         64
#define STEPS        1000
#define PAGE         4096
#define MEMORY_SIZE  (4 * PAGE) /* what all registers point to the middle of */
#define MEMORY       0x40000000
#define STATUS_FLAGS 0x8d5

struct run {
	const struct output *output;
	uc_engine *unicorn;
	uint32_t begin, end; /* guest-virtual */
	uint64_t random;
	uint32_t slot_calls;
};

struct outcome {
	uint32_t registers[8], flags, eip, slot_calls;
	uint8_t memory[MEMORY_SIZE];
};

static const int registers[8] = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                                 UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};

static uint32_t next_random(struct run *run)
{
	run->random = run->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(run->random >> 32);
}

/* --- slots ------------------------------------------------------------------------------------ */

static const struct vmi_call_description *describe(uint32_t number)
{
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == number)
			return &vmi_calls[i];
	return NULL;
}

static void change_flags(struct run *run, uint32_t mask)
{
	uint32_t flags;

	uc_reg_read(run->unicorn, UC_X86_REG_EFLAGS, &flags);
	flags = (flags & ~mask) | (next_random(run) & mask);
	uc_reg_write(run->unicorn, UC_X86_REG_EFLAGS, &flags);
}

/* What a slot may do, and its return. */
static void answer(struct run *run, const struct vmi_call_description *call)
{
	static const uint16_t places[8] = {
	    CALL_PLACE_EAX, CALL_PLACE_ECX, CALL_PLACE_EDX, CALL_PLACE_EBX, 0, 0,
	    CALL_PLACE_ESI, CALL_PLACE_EDI};
	uint32_t esp, eip, word;

	for (unsigned int i = 0; i < 8; i++) {
		word = next_random(run);
		if ((call->outputs & places[i]) || (run->output->clobbers[call->number] >> i & 1))
			uc_reg_write(run->unicorn, registers[i], &word);
	}
	if ((run->output->clobbers[call->number] & ROM_CLOBBERS_FLAGS) ||
	    (call->outputs & CALL_PLACE_ZF))
		change_flags(run, STATUS_FLAGS);
	uc_reg_read(run->unicorn, UC_X86_REG_ESP, &esp);
	uc_mem_read(run->unicorn, esp, &eip, sizeof(eip));
	esp = esp + 4 + (uint32_t)(int32_t)call->esp_change;
	word = next_random(run);
	if (call->esp_change < 0)
		uc_mem_write(run->unicorn, esp, &word, (size_t)-call->esp_change);
	uc_reg_write(run->unicorn, UC_X86_REG_ESP, &esp);
	uc_reg_write(run->unicorn, UC_X86_REG_EIP, &eip);
}

static void on_code(uc_engine *unicorn, uint64_t address, uint32_t size, void *context)
{
	struct run *run = context;
	uint32_t slot = (uint32_t)address - run->output->rom_image.address;
	const struct vmi_call_description *call = describe(slot / ROM_SLOT_SIZE);

	(void)size;
	if (address >= run->begin && address < run->end)
		return;
	if (slot >= ROM_SLOTS_SIZE || slot % ROM_SLOT_SIZE || !call) {
		uc_emu_stop(unicorn);
		return;
	}
	run->slot_calls = run->slot_calls * 131 + call->number + 1;
	if (call->returns && call->number != VMI_CALL_LoadStack)
		answer(run, call);
	else
		uc_emu_stop(unicorn);
}

/* --- one run ---------------------------------------------------------------------------------- */

static bool start(struct run *run, const uint8_t *bytes)
{
	const struct part *added = &run->output->added;
	uint32_t size = (added->size + PAGE - 1) & ~(uint32_t)(PAGE - 1);
	uc_hook hook;

	if (uc_open(UC_ARCH_X86, UC_MODE_32, &run->unicorn) != UC_ERR_OK)
		return false;
	return uc_mem_map(run->unicorn, added->address, size, UC_PROT_ALL) == UC_ERR_OK &&
	       uc_mem_write(run->unicorn, added->address, bytes + added->offset, added->size) ==
	           UC_ERR_OK &&
	       uc_mem_map(run->unicorn, MEMORY, MEMORY_SIZE, UC_PROT_ALL) == UC_ERR_OK &&
	       uc_hook_add(run->unicorn, &hook, UC_HOOK_CODE, (void *)on_code, run, 1, 0) ==
	           UC_ERR_OK;
}

static void set_state(struct run *run)
{
	uint32_t word;

	for (uint32_t at = 0; at < MEMORY_SIZE; at += sizeof(word)) {
		word = next_random(run);
		uc_mem_write(run->unicorn, MEMORY + at, &word, sizeof(word));
	}
	for (unsigned int i = 0; i < 8; i++) {
		word = MEMORY + MEMORY_SIZE / 2 + (next_random(run) & 0x3fc);
		uc_reg_write(run->unicorn, registers[i], &word);
	}
	change_flags(run, STATUS_FLAGS);
}

static void get_outcome(struct run *run, struct outcome *outcome)
{
	uint32_t esp;

	memset(outcome, 0, sizeof(*outcome));
	for (unsigned int i = 0; i < 8; i++)
		uc_reg_read(run->unicorn, registers[i], &outcome->registers[i]);
	uc_reg_read(run->unicorn, UC_X86_REG_EFLAGS, &outcome->flags);
	uc_reg_read(run->unicorn, UC_X86_REG_EIP, &outcome->eip);
	outcome->flags &= STATUS_FLAGS;
	outcome->slot_calls = run->slot_calls;
	uc_mem_read(run->unicorn, MEMORY, outcome->memory, MEMORY_SIZE);
	/* What is below ESP is nobody's. */
	esp = outcome->registers[4];
	for (uint32_t at = MEMORY; at < esp && at < MEMORY + MEMORY_SIZE && esp - at < PAGE; at++)
		outcome->memory[at - MEMORY] = 0;
	if (esp - MEMORY >= PAGE && esp - MEMORY < MEMORY_SIZE)
		memset(outcome->memory + (esp - MEMORY) - PAGE, 0, PAGE);
}

static bool run_once(struct run *run, const uint8_t *bytes, uint64_t seed, struct outcome *outcome)
{
	bool done = false;

	run->random = seed;
	run->slot_calls = 0;
	if (start(run, bytes)) {
		set_state(run);
		/* An instruction that faults does so both times. */
		uc_emu_start(run->unicorn, run->begin, run->end, 0, STEPS);
		get_outcome(run, outcome);
		done = true;
	}
	if (run->unicorn)
		uc_close(run->unicorn);
	run->unicorn = NULL;
	return done;
}

/* --- the whole -------------------------------------------------------------------------------- */

static uint32_t original_at(const struct output *output, uint32_t index)
{
	struct rom_origin origin;

	memcpy(&origin,
	       output->whole + output->origins.offset +
	           output->generated[index].origin * sizeof(origin),
	       sizeof(origin));
	return origin.original;
}

bool run_same_original(const struct output *output, uint32_t left, uint32_t right)
{
	return original_at(output, left) == original_at(output, right);
}

bool runs_alike(const struct output *output, uint32_t begin, uint32_t end)
{
	static struct outcome before, now;
	struct run run = {
	    .output = output,
	    .begin = output->text.address + (begin - output->text.offset),
	    .end = output->text.address + (end - output->text.offset),
	};

	for (uint64_t i = 0; i < RUNS; i++)
		if (!run_once(&run, output->whole, i * 7919 + 1, &before) ||
		    !run_once(&run, output->bytes, i * 7919 + 1, &now) ||
		    memcmp(&before, &now, sizeof(now)) != 0)
			return false;
	return true;
}
