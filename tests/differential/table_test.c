/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of the table of known differences, and the shapes that its lines speak of. */
#include "tests/differential/differences.h"
#include "tests/differential/report.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct report *report, const char *line, const char *message)
{
	struct difference_table table;
	char error[1024] = "";
	bool parsed = difference_table_parse("T", line, &table, error, sizeof(error));

	if (!report_point(report, !parsed && strstr(error, message), "refused: %s", message))
		report_note("%s: %s", line, parsed ? "accepted" : error);
	if (parsed)
		difference_table_free(&table);
}

static void test_refusals(struct report *report)
{
	static const char *const lines[][2] = {
	    {"intel rejects mode=32 ; ours ; SDM a ; b",
	     "T:1: unknown decoder 'intel': one of zydis, capstone, objdump"},
	    {"# head\n\nzydis refuses mode=32 ; ours ; SDM a ; b",
	     "T:3: unknown difference 'refuses': one of rejects, accepts, longer, shorter, layout"},
	    {"zydis rejects moode=32 ; ours ; SDM a ; b",
	     "T:1: unknown feature 'moode': one of mode, encoding, map,"},
	    {"zydis rejects mode=31 ; ours ; SDM a ; b",
	     "T:1: unknown mode '31': one of 16, 32, 64"},
	    {"zydis rejects reg=8 ; ours ; SDM a ; b", "T:1: '8' is no value of reg: 0 to 7"},
	    {"zydis rejects reg=-1 ; ours ; SDM a ; b", "T:1: '' is no value of reg: 0 to 7"},
	    {"zydis rejects opcode=100 ; ours ; SDM a ; b",
	     "T:1: '100' is no value of opcode: 0 to 255, in hexadecimal"},
	    {"zydis rejects opcode=20-10 ; ours ; SDM a ; b",
	     "T:1: range of opcode ends before it begins"},
	    {"zydis rejects without=luck ; ours ; SDM a ; b",
	     "T:1: unknown change 'luck': one of lock, repeat, operand-size, rex, +66,"},
	    {"zydis rejects mode ; ours ; SDM a ; b",
	     "T:1: 'mode' is no condition: FEATURE=VALUES"},
	    {"zydis rejects ; ours ; SDM a ; b", "T:1: no condition"},
	    {"zydis rejects mode=32 ; theirs ; SDM a ; b",
	     "T:1: unknown verdict 'theirs': one of ours, both"},
	    {"zydis rejects mode=32 ; ours ; somewhere ; b", "T:1: unknown source 'somewhere'"},
	    {"zydis rejects mode=32 ; ours ; SDM a ;", "T:1: no reason"},
	    {"zydis rejects mode=32 ; ours ; SDM a",
	     "T:1: expected CLAIM ; VERDICT ; SOURCE ; REASON"},
	    {"zydis rejects w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 w=0 ; ours ; SDM a ; b",
	     "T:1: more than 12 conditions"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		refuse(report, lines[i][0], lines[i][1]);
}

static void test_matching(struct report *report)
{
	static const char text[] =
	    "# comment\n\nobjdump sometimes shorter mode=32,64 encoding=legacy map=0 "
	    "opcode=88-8b,90 mod=3 pp=none,f3 by=2 without=lock,w0 ; both ; APM x ; y\n";
	static const uint8_t nop[CASE_SIZE] = {0xf3, 0x90, 0xc0}, other[CASE_SIZE] = {0x91, 0xc0};
	struct difference_table table;
	struct difference_line line;
	char error[1024];
	struct shape shape;

	if (!report_point(report, difference_table_parse("T", text, &table, error, sizeof(error)),
	                  "a line with all there is"))
		return;
	line = table.lines[0];
	report_point(report,
	             table.line_count == 1 && line.number == 3 && line.oracle == ORACLE_OBJDUMP &&
	                 line.kind == DIFFERENCE_SHORTER && line.sometimes &&
	                 line.without == (CHANGE_LOCK | CHANGE_W0) && line.condition_count == 7,
	             "its parts");
	shape_of(nop, DISASM_MODE_32, &shape);
	shape.values[FEATURE_BY] = 1;
	report_point(report,
	             difference_bucket_of(&table, ORACLE_OBJDUMP, &shape).count == 1 &&
	                 difference_bucket_of(&table, ORACLE_ZYDIS, &shape).count == 0,
	             "the index");
	report_point(report,
	             difference_line_matches(&line, &shape, false) &&
	                 !difference_line_matches(&line, &shape, true),
	             "a shape that it speaks of, but for by");
	shape_of(nop, DISASM_MODE_16, &shape);
	report_point(report, !difference_line_matches(&line, &shape, false), "another mode");
	shape_of(other, DISASM_MODE_32, &shape);
	report_point(report,
	             !difference_line_matches(&line, &shape, false) &&
	                 difference_bucket_of(&table, ORACLE_OBJDUMP, &shape).count == 0,
	             "another opcode");
	difference_table_free(&table);
}

/* Bytes, mode, and up to four features with the values expected. */
static const struct {
	uint8_t bytes[CASE_SIZE];
	enum disasm_mode mode;
	struct {
		enum feature feature;
		uint8_t value;
	} expected[6];
} shapes[] = {
    {{0x66, 0xf3, 0x48, 0x0f, 0xb8, 0xc1},
     DISASM_MODE_64,
     {{FEATURE_PP, 2},
      {FEATURE_MAP, 1},
      {FEATURE_OPCODE, 0xb8},
      {FEATURE_W, 1},
      {FEATURE_REX, 1},
      {FEATURE_LAST_PREFIX, 2}}},
    {{0x48, 0x66, 0x90},
     DISASM_MODE_64,
     {{FEATURE_STRAY_REX, 1},
      {FEATURE_REX, 0},
      {FEATURE_W, 0},
      {FEATURE_PP, 1},
      {FEATURE_PREFIXES, 2},
      {FEATURE_OPERAND_SIZE_LAST, 1}}},
    {{0x48, 0x66, 0x90},
     DISASM_MODE_32,
     {{FEATURE_OPCODE, 0x48}, {FEATURE_PREFIXES, 0}, {FEATURE_MODRM, 0x66}}},
    {{0xc5, 0x79, 0x6f, 0xc1},
     DISASM_MODE_32,
     {{FEATURE_ENCODING, ENCODING_LEGACY}, {FEATURE_OPCODE, 0xc5}, {FEATURE_MOD, 1}}},
    {{0xc5, 0x79, 0x6f, 0xc1},
     DISASM_MODE_64,
     {{FEATURE_ENCODING, ENCODING_VEX},
      {FEATURE_MAP, 1},
      {FEATURE_OPCODE, 0x6f},
      {FEATURE_R, 1},
      {FEATURE_PP, 1},
      {FEATURE_VVVV, 0}}},
    {{0xc4, 0xe3, 0xed, 0x4c, 0xc1, 0x20},
     DISASM_MODE_16,
     {{FEATURE_ENCODING, ENCODING_VEX},
      {FEATURE_MAP, 3},
      {FEATURE_W, 1},
      {FEATURE_L, 1},
      {FEATURE_VVVV, 2},
      {FEATURE_B, 0}}},
    {{0x62, 0xe2, 0x6d, 0xc7, 0x40, 0x01},
     DISASM_MODE_64,
     {{FEATURE_ENCODING, ENCODING_EVEX},
      {FEATURE_R2, 1},
      {FEATURE_Z, 1},
      {FEATURE_L, 2},
      {FEATURE_V2, 1},
      {FEATURE_AAA, 7}}},
    {{0x62, 0xfa, 0x69, 0x08, 0x40},
     DISASM_MODE_64,
     {{FEATURE_RESERVED, 1}, {FEATURE_MAP, 2}, {FEATURE_VVVV, 2}}},
    {{0x8f, 0xe9, 0x78, 0x01, 0xc8},
     DISASM_MODE_32,
     {{FEATURE_ENCODING, ENCODING_XOP}, {FEATURE_MAP, 9}, {FEATURE_OPCODE, 1}, {FEATURE_REG, 1}}},
    {{0x8f, 0x00}, DISASM_MODE_64, {{FEATURE_ENCODING, ENCODING_LEGACY}, {FEATURE_OPCODE, 0x8f}}},
    {{0x0f, 0x0f, 0x44, 0x24, 0x08, 0xb4},
     DISASM_MODE_64,
     {{FEATURE_ENCODING, ENCODING_3DNOW}, {FEATURE_OPCODE, 0xb4}, {FEATURE_MAP, 1}}},
    {{0x0f, 0x0f, 0x44, 0x24, 0x08, 0xb4},
     DISASM_MODE_16,
     {{FEATURE_ENCODING, ENCODING_3DNOW}, {FEATURE_OPCODE, 0x08}}},
    {{0x0f, 0x38, 0xf0, 0x05},
     DISASM_MODE_32,
     {{FEATURE_MAP, 2}, {FEATURE_OPCODE, 0xf0}, {FEATURE_RM, 5}}},
};

static void test_shapes(struct report *report)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct shape shape;
		bool same = true;

		shape_of(shapes[i].bytes, shapes[i].mode, &shape);
		for (size_t j = 0; j < 6; j++) {
			enum feature feature = shapes[i].expected[j].feature;

			if (feature != FEATURE_MODE)
				same = same && shape.values[feature] == shapes[i].expected[j].value;
		}
		report_point(report, same, "shape %zu", i);
	}
}

static const struct {
	uint8_t bytes[CASE_SIZE];
	unsigned changes;
	int left_out;
	uint8_t changed[CASE_SIZE];
} changes[] = {
    {{0xf0, 0x90}, CHANGE_LOCK, 1, {0x90}},
    {{0xf0, 0x90}, CHANGE_REPEAT, -1, {0xf0, 0x90}},
    {{0xf2, 0x40, 0x66, 0x48, 0x90}, CHANGE_REPEAT, 2, {0x66, 0x48, 0x90}},
    {{0xf2, 0x66, 0x48, 0x90}, CHANGE_OPERAND_SIZE | CHANGE_REX, 2, {0xf2, 0x90}},
    {{0x48, 0x90}, CHANGE_PLUS_66, -1, {0x66, 0x48, 0x90}},
    {{0xc5, 0xa8, 0x58}, CHANGE_VVVV | CHANGE_W1, 0, {0xc5, 0xf8, 0x58}},
    {{0xc4, 0x61, 0xfc, 0x58}, CHANGE_W0 | CHANGE_L0 | CHANGE_R, 0, {0xc4, 0xe1, 0x78, 0x58}},
    {{0x66, 0xc4, 0xe1, 0xf8}, CHANGE_W0 | CHANGE_OPERAND_SIZE, 1, {0xc4, 0xe1, 0x78}},
    {{0x62, 0xe1, 0x6c, 0xe7}, CHANGE_VVVV | CHANGE_R | CHANGE_OPMASK, 0, {0x62, 0xf1, 0x7c, 0x68}},
    {{0x62, 0xf1, 0x7c, 0x78}, CHANGE_L1 | CHANGE_BROADCAST, 0, {0x62, 0xf1, 0x7c, 0x28}},
    {{0x62, 0xf1, 0x7c, 0x89}, CHANGE_L2 | CHANGE_ZEROING | CHANGE_W1, 0, {0x62, 0xf1, 0xfc, 0x49}},
    {{0x62, 0xf1, 0x7c, 0x88}, CHANGE_K1, 0, {0x62, 0xf1, 0x7c, 0x89}},
};

static void test_changes(struct report *report)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct shape shape;
		uint8_t changed[CASE_SIZE];
		int left_out;

		shape_of(changes[i].bytes, DISASM_MODE_64, &shape);
		left_out = shape_change(changes[i].bytes, &shape, changes[i].changes, changed);
		report_point(report,
		             left_out == changes[i].left_out &&
		                 !memcmp(changed, changes[i].changed, CASE_SIZE),
		             "change %zu", i);
	}
}

int main(void)
{
	struct report report = {0};

	test_refusals(&report);
	test_matching(&report);
	test_shapes(&report);
	test_changes(&report);
	return report_end(&report);
}
