# SPDX-License-Identifier: BSD-2-Clause
"""guests/*.def: the functions in which a guest writes to its page tables, and C made from them."""

import re

from . import c_text
from .reader import check_unique, read_blocks

SOURCE = "patchtables/guests/linux.def"
KINDS = ("store", "xchg", "bit", "logic", "cmpxchg8b", "call")


class Setter:
    """One function that writes to page tables."""

    def __init__(self, block):
        self.place = block.place
        if len(block.head) != 1 or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", block.head[0]):
            block.fail("expected 'setter NAME', the name of a function")
        self.name = block.head[0]
        self.writes = block.one("writes").words(KINDS)
        self.calls = block.text("calls")
        if not self.writes:
            block.one("writes").fail(f"{self.name} writes nothing, so it is no setter")
        if ("call" in self.writes) != bool(self.calls):
            block.fail(f"{self.name}: 'writes: call' and 'calls' go together")


def read(path):
    """The setters of one guest's table."""
    setters = [Setter(block) for block in read_blocks(path, "setter", ("writes", "source"),
                                                      ("calls", "notes"), ())]
    check_unique(setters, "setter")
    return setters


def header(_):
    """enum page_table_write."""
    lines = [
        "/* Kinds of instructions that write to a page table, as bits. */",
        "enum page_table_write {",
        *(f"\tPAGE_TABLE_WRITE_{c_text.identifier(kind)} = 1 << {number},"
          for number, kind in enumerate(KINDS)),
        "};",
    ]
    return c_text.guarded("page_table_writes", SOURCE, lines)


def table(setters):
    """linux_setters[], ascending names."""
    rows = []
    for setter in sorted(setters, key=lambda setter: setter.name):
        calls = c_text.string(setter.calls) if setter.calls else "NULL"
        writes = c_text.mask("PAGE_TABLE_WRITE_", setter.writes)
        rows.append(f"\t{{ {c_text.string(setter.name)}, {calls}, {writes} }},")
    return [
        c_text.heading(SOURCE),
        '#include "patcher/pte/setters.h"',
        "",
        "const struct page_table_setter linux_setters[] = {",
        *rows,
        "};",
        "",
        "const size_t linux_setter_count = sizeof(linux_setters) / sizeof(linux_setters[0]);",
    ]
