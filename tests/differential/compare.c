/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/compare.h"

#include <string.h>
#include <sys/mman.h>

static size_t findings_size(const struct difference_table *table)
{
	return sizeof(struct findings) + table->line_count * sizeof(struct line_finding);
}

struct findings *findings_create(const struct difference_table *table)
{
	/* Anonymous memory is zero, and only the groups that are used take any. */
	void *memory = mmap(NULL, findings_size(table), PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void findings_free(struct findings *findings, const struct difference_table *table)
{
	munmap(findings, findings_size(table));
}

static void count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- unlisted differences --------------------------------------------------------------------- */

/* Never 0. */
static uint64_t group_key(const struct shape *shape, enum oracle oracle, enum difference_kind kind)
{
	static const uint8_t features[] = {FEATURE_MODE,   FEATURE_ENCODING, FEATURE_MAP,
	                                   FEATURE_OPCODE, FEATURE_PP,       FEATURE_BY};
	uint64_t key = 1 + oracle * DIFFERENCE_KIND_COUNT + kind;

	for (size_t i = 0; i < sizeof(features); i++)
		key = key << 8 | shape->values[features[i]];
	return key;
}

/* How many places of the hash table are looked at; a full one then costs little. */
#define PROBE_COUNT 64

static struct finding_group *find_group(struct findings *findings, uint64_t key, bool *is_new)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	for (uint32_t i = 0; i < PROBE_COUNT; i++) {
		struct finding_group *group = &findings->groups[(hash + i) % FINDING_GROUP_COUNT];
		uint_least64_t found = 0;

		*is_new = atomic_compare_exchange_strong(&group->key, &found, key);
		if (*is_new || found == key)
			return group;
	}
	return NULL; /* the total still counts it */
}

/* --- attributing ------------------------------------------------------------------------------ */

/* A case as the lines on one decoder see it. */
struct view {
	struct comparison *comparison;
	enum oracle oracle;
	const uint8_t *bytes;
	struct shape shape;
	/* What without_is_accepted() answered last */
	unsigned changes;
	bool accepted;
};

/* Whether both decoders accept the string with the changes made. */
static bool without_is_accepted(struct view *view, unsigned changes)
{
	enum disasm_mode mode = (enum disasm_mode)view->shape.values[FEATURE_MODE];
	uint8_t changed[CASE_SIZE];
	struct instruction instruction;
	int left_out;

	if (view->shape.values[FEATURE_STATUS] != DECODE_UNDEFINED)
		return false;
	if (view->changes == changes)
		return view->accepted;
	view->changes = changes;
	view->accepted = false;
	left_out = shape_change(view->bytes, &view->shape, changes, changed);
	if (left_out < 0 && !(changes & CHANGE_PLUS_66))
		return false;
	if (view->comparison->decode(changed, CASE_SIZE, mode, &instruction) != DECODE_OK)
		return false;
	/* The string itself must not be too long. */
	if (instruction.length + left_out > INSTRUCTION_MAX_LENGTH)
		return false;
	view->accepted =
	    oracle_ask(view->comparison->oracles, view->oracle, changed, CASE_SIZE, mode).accepted;
	return view->accepted;
}

static bool line_matches(const struct difference_line *line, struct view *view, bool with_by)
{
	return difference_line_matches(line, &view->shape, with_by) &&
	       (!line->without || without_is_accepted(view, line->without));
}

/* The first line that covers the difference, or NULL. */
static const struct difference_line *covering_line(struct view *view, enum difference_kind kind)
{
	const struct difference_table *table = view->comparison->table;
	struct difference_bucket bucket = difference_bucket_of(table, view->oracle, &view->shape);

	for (uint32_t i = bucket.first; i < bucket.first + bucket.count; i++) {
		const struct difference_line *line = &table->lines[table->members[i]];

		if (line->kind == kind && line_matches(line, view, true))
			return line;
	}
	return NULL;
}

/* Whether a line of that kind says of our verdict that another decoder's differs. */
static bool claims(const struct difference_line *line, bool accepted)
{
	return accepted == (line->kind != DIFFERENCE_ACCEPTS);
}

/* Two decoders agree: counts it for the lines that say they do not. */
static void record_agreement(struct view *view, bool accepted)
{
	const struct difference_table *table = view->comparison->table;
	struct difference_bucket bucket = difference_bucket_of(table, view->oracle, &view->shape);

	for (uint32_t i = bucket.first; i < bucket.first + bucket.count; i++) {
		const struct difference_line *line = &table->lines[table->members[i]];
		struct line_finding *finding =
		    &view->comparison->findings->lines[table->members[i]];

		if (!claims(line, accepted) || !line_matches(line, view, false))
			continue;
		if (!atomic_fetch_add_explicit(&finding->agreements, 1, memory_order_relaxed)) {
			memcpy(finding->agreement, view->bytes, CASE_SIZE);
			finding->agreement_mode = view->shape.values[FEATURE_MODE];
		}
	}
}

static void record_unlisted(const struct view *view, enum difference_kind kind, uint8_t our_length,
                            uint8_t other_length)
{
	struct findings *findings = view->comparison->findings;
	struct finding_group *group;
	bool is_new;

	count(&findings->unlisted);
	group = find_group(findings, group_key(&view->shape, view->oracle, kind), &is_new);
	if (!group)
		return;
	if (is_new) {
		group->oracle = (uint8_t)view->oracle;
		group->kind = (uint8_t)kind;
		memcpy(group->example, view->bytes, CASE_SIZE);
		group->example_length = our_length;
		group->other_length = other_length;
		group->shape = view->shape;
	}
	count(&group->count);
	for (int feature = 0; feature < FEATURE_COUNT; feature++) {
		uint8_t value = view->shape.values[feature];

		atomic_fetch_or_explicit(&group->seen[feature][value / 64],
		                         UINT64_C(1) << (value % 64), memory_order_relaxed);
	}
}

/* --- one case --------------------------------------------------------------------------------- */

static bool same_layout(const struct instruction *ours, const struct oracle_layout *other)
{
	uint8_t modrm_offset = ours->has_modrm ? ours->modrm_offset : 0;
	uint8_t displacement_offset = ours->displacement_size ? ours->displacement_offset : 0;
	uint8_t immediate_offset = ours->immediate_size ? ours->immediate_offset : 0;

	return ours->opcode == other->opcode && ours->map == other->map &&
	       ours->has_modrm == other->has_modrm && modrm_offset == other->modrm_offset &&
	       ours->has_sib == other->has_sib &&
	       displacement_offset == other->displacement_offset &&
	       ours->displacement_size == other->displacement_size &&
	       immediate_offset == other->immediate_offset &&
	       ours->immediate_size == other->immediate_size &&
	       ours->address_size == other->address_size;
}

static enum difference_kind kind_of(bool accepted, const struct instruction *ours,
                                    const struct oracle_answer *other)
{
	if (accepted != other->accepted)
		return accepted ? DIFFERENCE_REJECTS : DIFFERENCE_ACCEPTS;
	if (!accepted)
		return DIFFERENCE_NONE;
	if (ours->length != other->length)
		return ours->length < other->length ? DIFFERENCE_LONGER : DIFFERENCE_SHORTER;
	if (other->has_layout && !same_layout(ours, &other->layout))
		return DIFFERENCE_LAYOUT;
	return DIFFERENCE_NONE;
}

static void compare_with(struct view *view, const struct instruction *ours,
                         const struct oracle_answer *other)
{
	struct comparison *comparison = view->comparison;
	struct findings *findings = comparison->findings;
	bool accepted = view->shape.values[FEATURE_STATUS] == DECODE_OK;
	enum difference_kind kind = kind_of(accepted, ours, other);
	const struct difference_line *line;

	if (kind == DIFFERENCE_NONE) {
		record_agreement(view, accepted);
		return;
	}
	if (kind == DIFFERENCE_LONGER)
		view->shape.values[FEATURE_BY] = other->length - ours->length;
	if (kind == DIFFERENCE_SHORTER)
		view->shape.values[FEATURE_BY] = ours->length - other->length;
	count(&findings->differences[view->oracle][kind]);
	line = covering_line(view, kind);
	if (line)
		count(&findings->lines[line - comparison->table->lines].hits);
	else
		record_unlisted(view, kind, accepted ? ours->length : 0,
		                other->accepted ? other->length : 0);
}

static void record_contradiction(struct findings *findings, enum self_contradiction contradiction,
                                 const uint8_t *bytes, enum disasm_mode mode)
{
	if (atomic_fetch_add(&findings->contradictions[contradiction], 1))
		return;
	memcpy(findings->contradiction[contradiction], bytes, CASE_SIZE);
	findings->contradiction_mode[contradiction] = (uint8_t)mode;
}

/* Of struct instruction, without what may pad it at its end. */
#define INSTRUCTION_BYTES (offsetof(struct instruction, immediate_size) + 1)

/* An accepted instruction needs all its bytes and no other. */
static void check_self(struct comparison *comparison, const uint8_t *bytes, enum disasm_mode mode,
                       const struct instruction *ours)
{
	struct findings *findings = comparison->findings;
	struct instruction again;

	if (ours->length == 0 || ours->length > INSTRUCTION_MAX_LENGTH) {
		record_contradiction(findings, SELF_BAD_LENGTH, bytes, mode);
		return;
	}
	if (comparison->decode(bytes, ours->length, mode, &again) != DECODE_OK ||
	    memcmp(&again, ours, INSTRUCTION_BYTES))
		record_contradiction(findings, SELF_NOT_REPEATABLE, bytes, mode);
	if (comparison->decode(bytes, ours->length - 1u, mode, &again) != DECODE_TRUNCATED)
		record_contradiction(findings, SELF_NOT_TRUNCATED, bytes, mode);
}

static enum decode_status decode_case(struct comparison *comparison, const uint8_t *bytes,
                                      enum disasm_mode mode, struct instruction *ours)
{
	enum decode_status status = comparison->decode(bytes, CASE_SIZE, mode, ours);

	count(&comparison->findings->cases);
	if (status == DECODE_OK) {
		count(&comparison->findings->accepted);
		check_self(comparison, bytes, mode, ours);
	}
	if (status == DECODE_TRUNCATED)
		record_contradiction(comparison->findings, SELF_BAD_STATUS, bytes, mode);
	return status;
}

void compare_case(struct comparison *comparison, const uint8_t *bytes, enum disasm_mode mode)
{
	struct instruction ours;
	struct shape shape;
	enum decode_status status = decode_case(comparison, bytes, mode, &ours);

	shape_of(bytes, mode, &shape);
	shape.values[FEATURE_STATUS] = (uint8_t)status;
	for (int oracle = 0; oracle < ORACLE_COUNT; oracle++) {
		struct view view = {comparison, (enum oracle)oracle, bytes, shape, 0, false};
		struct oracle_answer other;

		if (!(comparison->oracle_mask >> oracle & 1))
			continue;
		other = oracle_ask(comparison->oracles, view.oracle, bytes, CASE_SIZE, mode);
		compare_with(&view, &ours, &other);
	}
}

void compare_answer(struct comparison *comparison, const uint8_t *bytes, enum disasm_mode mode,
                    enum oracle oracle, const struct oracle_answer *other)
{
	struct view view = {.comparison = comparison, .oracle = oracle, .bytes = bytes};
	struct instruction ours;
	enum decode_status status = decode_case(comparison, bytes, mode, &ours);

	shape_of(bytes, mode, &view.shape);
	view.shape.values[FEATURE_STATUS] = (uint8_t)status;
	compare_with(&view, &ours, other);
}
