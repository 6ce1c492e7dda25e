# SPDX-License-Identifier: BSD-2-Clause
"""C made from vmi_calls.def: the numbers, and the table of calls."""

from . import c_text
from .calls import CLOBBERS, EXTENSIONS, FAULTS, OUTPUTS, PUBLISHED

SOURCE = "patchtables/vmi_calls.def"


def numbers(calls):
    """VMI_CALL_<name>, for C (an enum) and for the assembler (macros)."""
    lines = [
        "/* Call n is the code at ROM + VMI_SLOT_SIZE * n. */",
        "#define VMI_SLOT_SIZE 32",
        f"#define VMI_FIRST_CALL {PUBLISHED[0]}",
        f"#define VMI_LAST_PUBLISHED_CALL {PUBLISHED[-1]}",
        f"#define VMI_FIRST_EXTENSION {EXTENSIONS[0]}",
        f"#define VMI_CALL_LIMIT {EXTENSIONS[-1] + 1}",
        "",
        "#ifdef __ASSEMBLER__",
        *(f"#define VMI_CALL_{call.name} {call.number}" for call in calls),
        "#else",
        "enum vmi_call {",
        *(f"\tVMI_CALL_{call.name} = {call.number}," for call in calls),
        "};",
        "#endif",
    ]
    return c_text.guarded("vmi_call_numbers", SOURCE, lines)


def places(mapping):
    return c_text.mask("CALL_PLACE_", [place.lower() for place in mapping])


def row(call):
    """One element of vmi_calls[]."""
    return [
        f"\t{{ .number = VMI_CALL_{call.name},",
        f"\t  .name = {c_text.string(call.name)},",
        f"\t  .inputs = {places(call.inputs)},",
        f"\t  .outputs = {places(call.outputs)},",
        f"\t  .clobbers = {places(call.clobbers)},",
        f"\t  .faults = {c_text.mask('CALL_FAULT_', [name[1:] for name in call.faults])},",
        f"\t  .esp_change = {call.esp},",
        f"\t  .returns = {'true' if call.returns else 'false'},",
        f"\t  .needs_flat_segments = {'true' if call.segments == 'flat' else 'false'},",
        f"\t  .does = {c_text.string(call.does)} }},",
    ]


def table(calls):
    """vmi_calls[] in the order of the numbers."""
    return [
        c_text.heading(SOURCE),
        '#include "patchtables/vmi_calls.h"',
        "",
        "const struct vmi_call_description vmi_calls[] = {",
        *(line for call in calls for line in row(call)),
        "};",
        "",
        "const size_t vmi_call_count = sizeof(vmi_calls) / sizeof(vmi_calls[0]);",
    ]
