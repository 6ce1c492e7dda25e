/* SPDX-License-Identifier: BSD-2-Clause */

/* Searching debug information: the input is an ELF file with DWARF. */

#include <string.h>

#include "patcher/pte/dwarf_reader.h"
#include "tests/fuzz/harness.h"

static volatile size_t sink;

/* What patcher/pte/dwarf_reader.h promises of each range. */
static bool visit(void *context, const struct dwarf_range *range, struct problem *problem)
{
	size_t *count = context;

	(void)problem;
	CHECK(range->start < range->end);
	sink = strlen(range->function) + strlen(range->within);
	++*count;
	return true;
}

static bool wanted(void *context, const char *name)
{
	(void)context;
	sink = strlen(name);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0;
	const struct dwarf_search search = {.wanted = wanted, .visit = visit, .context = &count};
	struct dwarf_identity identity;
	struct problem problem;

	if (!dwarf_identify(data, size, &identity))
		return 0;
	CHECK(identity.build_id_size <= sizeof(identity.build_id));
	if (!dwarf_search("input", data, size, &search, &problem))
		check_problem(&problem);
	CHECK(count <= size);
	if (count)
		report_finding("ranges");
	return 0;
}
