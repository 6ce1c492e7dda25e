/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sweep beside Capstone and Zydis, over the same bytes in the same process.
 *
 * usage: sweep_bench KERNEL
 *
 * Each round runs, one after the other, over every executable section of the kernel: our sweep
 * with all that it yields, Capstone's sweep (cs_disasm_iter() without details) and Zydis' minimal
 * decoder (ZydisDecoderDecodeInstruction()). Prints the medians of ROUNDS rounds and their ratios,
 * by processor time, so that other work of the machine does not count.
 * Exit status 1 if the sweep is not LEAST_CAPSTONE times as fast as Capstone and LEAST_ZYDIS
 * times as fast as Zydis.
 */

#include <Zydis/Zydis.h>
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "disasm/sweep.h"
#include "patcher/kernel/kernel.h"

#define ROUNDS         5
#define LEAST_CAPSTONE 10.0
#define LEAST_ZYDIS    4.0

/* A way to find the instructions of a section; the result is their number. */
typedef size_t (*runner)(const struct kernel *kernel, const struct kernel_section *section);

static size_t run_sweep(const struct kernel *kernel, const struct kernel_section *section)
{
	struct sweep_input input = {.bytes = section->bytes,
	                            .size = section->size,
	                            .address = section->address,
	                            .mode = kernel->is_64bit ? DISASM_MODE_64 : DISASM_MODE_32};
	struct sweep_result result;
	size_t count;

	if (!sweep(&input, &result)) {
		perror("sweep");
		exit(2);
	}
	count = result.instruction_count;
	sweep_result_free(&result);
	return count;
}

static size_t run_capstone(const struct kernel *kernel, const struct kernel_section *section)
{
	const uint8_t *bytes = section->bytes;
	uint64_t address = section->address;
	size_t left = section->size;
	size_t count = 0;
	cs_insn *instruction;
	csh handle;

	if (cs_open(CS_ARCH_X86, kernel->is_64bit ? CS_MODE_64 : CS_MODE_32, &handle)) {
		fputs("cs_open failed\n", stderr);
		exit(2);
	}
	instruction = cs_malloc(handle);
	while (left) {
		if (cs_disasm_iter(handle, &bytes, &left, &address, instruction)) {
			count++;
		} else {
			bytes++;
			address++;
			left--;
		}
	}
	cs_free(instruction, 1);
	cs_close(&handle);
	return count;
}

static size_t run_zydis(const struct kernel *kernel, const struct kernel_section *section)
{
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	size_t count = 0;
	size_t offset = 0;

	if (kernel->is_64bit)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
	while (offset < section->size) {
		if (ZYAN_SUCCESS(
			ZydisDecoderDecodeInstruction(&decoder, NULL, section->bytes + offset,
		                                      section->size - offset, &instruction))) {
			offset += instruction.length;
			count++;
		} else {
			offset++;
		}
	}
	return count;
}

struct contestant {
	const char *name;
	runner run;
	size_t count;
	double seconds[ROUNDS];
};

/* Seconds of processor time. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void run_round(struct contestant *contestant, unsigned round, const struct kernel *kernel)
{
	double start = now();

	contestant->count = 0;
	for (size_t i = 0; i < kernel->section_count; i++)
		if (kernel->sections[i].executable && kernel->sections[i].bytes)
			contestant->count += contestant->run(kernel, &kernel->sections[i]);
	contestant->seconds[round] = now() - start;
}

static size_t executable_bytes(const struct kernel *kernel)
{
	size_t bytes = 0;

	for (size_t i = 0; i < kernel->section_count; i++)
		if (kernel->sections[i].executable && kernel->sections[i].bytes)
			bytes += kernel->sections[i].size;
	return bytes;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare_doubles);
	return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct contestant contestants[] = {
	    {.name = "postburn", .run = run_sweep},
	    {.name = "Capstone", .run = run_capstone},
	    {.name = "Zydis", .run = run_zydis},
	};
	static const double least[] = {0, LEAST_CAPSTONE, LEAST_ZYDIS};
	struct kernel_read_options options = {0};
	struct problem problem;
	struct kernel kernel;
	double bytes, ours;
	int status = 0;

	if (argc != 2) {
		fputs("usage: sweep_bench KERNEL\n", stderr);
		return 2;
	}
	if (!kernel_read(argv[1], &options, &kernel, &problem)) {
		problem_print(stderr, argv[1], &problem);
		return 2;
	}
	bytes = (double)executable_bytes(&kernel);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < 3; i++)
			run_round(&contestants[i], round, &kernel);
	kernel_free(&kernel);
	ours = median(contestants[0].seconds);
	printf("%-10s %12s %10s %8s\n", "", "instructions", "MB/s", "ratio");
	for (unsigned i = 0; i < 3; i++) {
		double seconds = median(contestants[i].seconds);

		printf("%-10s %12zu %10.1f %8.1f\n", contestants[i].name, contestants[i].count,
		       bytes / seconds / 1e6, seconds / ours);
		if (seconds / ours < least[i])
			status = 1;
	}
	printf(
	    "the sweep must be at least %.0f times as fast as Capstone, %.0f times as Zydis: %s\n",
	    LEAST_CAPSTONE, LEAST_ZYDIS, status ? "it is not" : "it is");
	return status;
}
