/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A plugin for qemu: counts how often the guest runs the instructions at some addresses.
 *
 *   -plugin count_instructions.so,in=FILE,out=FILE
 *
 * `in` has guest-virtual addresses in hexadecimal, ascending, a line each; `out` gets each with its
 * count when qemu ends. Debian has no header for plugins: what is used of their interface, version
 * 1 (QEMU's manual, "QEMU TCG Plugins"), is declared here.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MOST 4096

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_TO_WORD = 0 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*callback)(uint64_t id,
                                                            struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, int operation,
                                                void *word, uint64_t amount);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*callback)(uint64_t id, void *context),
                                    void *context);

int qemu_plugin_install(uint64_t id, const void *about, int count, char **arguments);
extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static uint64_t addresses[MOST], counts[MOST];
static size_t address_count;
static const char *output;

/* The index of an address, or MOST. */
static size_t find(uint64_t address)
{
	size_t low = 0, high = address_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < address_count && addresses[low] == address ? low : MOST;
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
		size_t index = find(qemu_plugin_insn_vaddr(instruction));

		if (index < MOST)
			qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_TO_WORD,
			                                           &counts[index], 1);
	}
}

static void ended(uint64_t id, void *context)
{
	FILE *file = fopen(output, "w");

	(void)id;
	(void)context;
	for (size_t i = 0; file && i < address_count; i++)
		fprintf(file, "%llx %llu\n", (unsigned long long)addresses[i],
		        (unsigned long long)counts[i]);
	if (file)
		fclose(file);
}

int qemu_plugin_install(uint64_t id, const void *about, int count, char **arguments)
{
	unsigned long long address;
	FILE *file = NULL;

	(void)about;
	for (int i = 0; i < count; i++) {
		if (!strncmp(arguments[i], "in=", 3))
			file = fopen(arguments[i] + 3, "r");
		else if (!strncmp(arguments[i], "out=", 4))
			output = arguments[i] + 4;
	}
	if (!file || !output)
		return -1;
	while (address_count < MOST && fscanf(file, "%llx", &address) == 1)
		addresses[address_count++] = address;
	fclose(file);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
