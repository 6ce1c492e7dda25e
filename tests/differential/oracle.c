/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/oracle.h"

#include <stdlib.h>

#define MODE_COUNT 3

struct oracles {
	void *states[ORACLE_COUNT][MODE_COUNT];
};

static const struct {
	const char *name;
	const struct oracle_functions *functions;
} implementations[ORACLE_COUNT] = {
    [ORACLE_ZYDIS] = {"zydis", &oracle_zydis},
    [ORACLE_CAPSTONE] = {"capstone", &oracle_capstone},
    [ORACLE_OBJDUMP] = {"objdump", &oracle_objdump},
};

struct oracles *oracles_open(void)
{
	struct oracles *oracles = calloc(1, sizeof(*oracles));

	if (!oracles)
		return NULL;
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		for (int mode = 0; mode < MODE_COUNT; mode++) {
			void *state =
			    implementations[oracle].functions->open((enum disasm_mode)mode);

			oracles->states[oracle][mode] = state;
			if (!state) {
				oracles_close(oracles);
				return NULL;
			}
		}
	}
	return oracles;
}

void oracles_close(struct oracles *oracles)
{
	if (!oracles)
		return;
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		for (int mode = 0; mode < MODE_COUNT; mode++) {
			if (oracles->states[oracle][mode])
				implementations[oracle].functions->close(
				    oracles->states[oracle][mode]);
		}
	}
	free(oracles);
}

struct oracle_answer oracle_ask(struct oracles *oracles, enum oracle oracle, const uint8_t *bytes,
                                size_t size, enum disasm_mode mode)
{
	struct oracle_answer answer = {0};

	implementations[oracle].functions->ask(oracles->states[oracle][mode], bytes, size, &answer);
	return answer;
}

const char *oracle_name(enum oracle oracle)
{
	return implementations[oracle].name;
}
