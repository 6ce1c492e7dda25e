# SPDX-License-Identifier: BSD-2-Clause
"""C made from instructions.def: the forms, and the lists the classifier looks up."""

from . import c_text
from .encoding import LOCKS, MODES, PREFIX_STATES, SIZES
from .forms import ARGUMENT_PLACES, OPERANDS, RESULT_OPERANDS, RESULT_PLACES

SOURCE = "patchtables/instructions.def"
MAP_COUNT = 4


def listed(forms):
    """The forms that are sites."""
    return [form for form in forms if form.treatment != "ignore"]


def union(*lists):
    return list(dict.fromkeys(word for words in lists for word in words))


def numbers(forms):
    """enum sensitive_form_number, and the words of `before` and `after`."""
    lines = [
        "/* Indices into sensitive_forms. */",
        "enum sensitive_form_number {",
        *(f"\tFORM_{form.name}," for form in listed(forms)),
        "\tFORM_COUNT",
        "};",
        "",
        "/* Where a call takes an argument from or leaves a result. */",
        *c_text.enum("form_place", "FORM_PLACE_",
                     ["none"] + union(ARGUMENT_PLACES, RESULT_PLACES)),
        "",
        "/* What the instruction has there. */",
        *c_text.enum("form_operand", "FORM_OPERAND_",
                     ["same"] + union(OPERANDS, RESULT_OPERANDS)),
    ]
    return c_text.guarded("sensitive_form_numbers", SOURCE, lines)


def moves(form, name, pairs):
    """The array of a form's moves, ended by FORM_PLACE_NONE."""
    lines = [f"static const struct form_move {form.name}_{name}[] = {{"]
    for place, operand in pairs:
        lines.append(f"\t{{ FORM_PLACE_{c_text.identifier(place)}, "
                     f"FORM_OPERAND_{c_text.identifier(operand or 'same')} }},")
    return lines + ["\t{ FORM_PLACE_NONE, FORM_OPERAND_SAME } };"]


def move_arrays(forms):
    lines = ["static const struct form_move no_moves[] = "
             "{ { FORM_PLACE_NONE, FORM_OPERAND_SAME } };"]
    for form in forms:
        for name in ("before", "after"):
            if getattr(form, name):
                lines += moves(form, name, getattr(form, name))
    return lines


def row(form):
    """One element of sensitive_forms[]."""
    return [
        f"\t{{ .name = {c_text.string(form.name)},",
        f"\t  .mnemonic = {c_text.string(form.mnemonic)},",
        f"\t  .operands = {c_text.string(form.operands)},",
        f"\t  .class_name = {c_text.string(form.class_name)},",
        f"\t  .call_name = {c_text.string(form.call.name if form.call else '')},",
        f"\t  .call = {'VMI_CALL_' + form.call.name if form.call else 0},",
        f"\t  .deprivileged = DEPRIVILEGED_{form.deprivileged.upper()},",
        f"\t  .rewrite = {'true' if form.treatment in ('rewrite', 'named') else 'false'},",
        f"\t  .named = {'true' if form.named() else 'false'},",
        f"\t  .deprivileged_reason = {c_text.string(form.reason)},",
        f"\t  .xen = {c_text.string(form.xen)},",
        f"\t  .notes = {c_text.string(form.notes)},",
        f"\t  .before = {form.name + '_before' if form.before else 'no_moves'},",
        f"\t  .after = {form.name + '_after' if form.after else 'no_moves'} }},",
    ]


def bits(values, universe):
    return sum(1 << index for index, value in enumerate(universe) if value in values)


def pattern(form, encoding, last):
    """One element of sensitive_patterns[]: allowed values as bits."""
    return (f"\t{{ .form = FORM_{form.name}, .modes = {bits(encoding.modes, MODES)}, "
            f".locks = {bits(encoding.locks, LOCKS)}, "
            f".prefixes = {bits(encoding.prefixes, PREFIX_STATES)}, "
            f".sizes = {bits(encoding.sizes, SIZES)}, "
            f".mods = {bits(encoding.mods, ('mem', 'reg'))}, "
            f".regs = 0x{bits(encoding.regs, range(16)):04x}, "
            f".rms = 0x{bits(encoding.rms, range(8)):02x}, "
            f".last = {'true' if last else 'false'} }},")


def by_opcode(forms):
    """{(map, opcode): [(form, encoding)]} in the order of the table."""
    result = {}
    for form in forms:
        for encoding in form.encodings:
            result.setdefault((encoding.map, encoding.opcode), []).append((form, encoding))
    return result


def lookup(forms, kind):
    """KIND_patterns[], grouped by opcode, and where each opcode's group begins (0: none)."""
    groups = by_opcode(forms)
    patterns = [f"const struct sensitive_pattern {kind}_patterns[] = {{", "\t{ .last = true },"]
    first = {}
    for key in sorted(groups):
        first[key] = len(patterns) - 1
        for index, (form, encoding) in enumerate(groups[key]):
            patterns.append(pattern(form, encoding, index == len(groups[key]) - 1))
    patterns.append("};")
    starts = [f"const uint8_t {kind}_opcodes[{MAP_COUNT}][256] = {{"]
    starts += [f"\t[{opcode_map}][0x{opcode:02x}] = {index},"
               for (opcode_map, opcode), index in sorted(first.items())]
    return patterns + [
        "",
        f"_Static_assert(sizeof({kind}_patterns) / sizeof({kind}_patterns[0]) <= UINT8_MAX,",
        f'               "{kind}_opcodes counts patterns in a byte");',
        "",
        *starts,
        "};",
    ]


def table(forms):
    """sensitive_forms[], and patterns and opcodes of those that are sites anywhere and of others."""
    forms = listed(forms)
    return [
        c_text.heading(SOURCE),
        '#include "disasm/classify.h"',
        "",
        *move_arrays(forms),
        "",
        "const struct sensitive_form sensitive_forms[] = {",
        *(line for form in forms for line in row(form)),
        "};",
        "",
        "const uint16_t sensitive_form_count = FORM_COUNT;",
        "",
        *lookup([form for form in forms if not form.named()], "sensitive"),
        "",
        *lookup([form for form in forms if form.named()], "named"),
    ]
