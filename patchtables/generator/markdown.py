# SPDX-License-Identifier: BSD-2-Clause
"""The manual's tables, in Markdown."""


def cell(text):
    return text.replace("|", "\\|") or " "


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]


def places(mapping):
    return "; ".join(f"{place} = {meaning}" for place, meaning in mapping.items()) or "-"


def stack(call):
    if not call.returns:
        return "does not return"
    return f"{call.esp:+d}" if call.esp else "0"


def call_rows(calls):
    for call in calls:
        yield (str(call.number), f"`{call.name}`", f"0x{call.number * 32:03x}", places(call.inputs),
               places(call.outputs), " ".join(call.clobbers) or "-", stack(call),
               " ".join(call.faults) or "-", f"{call.does} {call.notes}".strip())


def calls(call_list, _):
    """The calls of the ROM."""
    return [
        "# The ROM's calls",
        "",
        "Generated from `patchtables/vmi_calls.def`. Calls 4 to 84 are VMI API 13's, 96 to 127 are "
        "postburn's own.",
        "",
        *table(("Number", "Call", "Slot", "Takes", "Gives", "Clobbers", "ESP", "Faults", "Does"),
               call_rows(call_list)),
    ]


def form_rows(forms):
    for form in forms:
        yield (f"`{form.instruction}`", "<br>".join(f"`{item.text}`" for item in form.encodings),
               form.class_name, form.deprivileged, f"{form.reason} {form.notes}".strip(),
               form.xen, form.treatment, f"`{form.call.name}`" if form.call else "-")


def forms(_, form_list):
    """The privileged and sensitive instructions."""
    return [
        "# Privileged and sensitive instructions",
        "",
        "Generated from `patchtables/instructions.def`.",
        "",
        *table(("Instruction", "Encoding", "Class", "De-privileged", "Why", "Xen, from ring 1",
                "Treatment", "Call"), form_rows(form_list)),
    ]
