# SPDX-License-Identifier: BSD-2-Clause
"""cpuid_policy.def: what the guest's CPUID says, read, checked, and made into C and Markdown."""

import re

from . import c_text
from .markdown import table
from .reader import TableError, check_word, read_blocks

SOURCE = "patchtables/cpuid_policy.def"
REGISTERS = ("EAX", "EBX", "ECX", "EDX")
TREATMENTS = ("processor", "hidden", "forced")
WHOLES = ("processor", "zero", "mask", "last")
ANY_SUBLEAF = 0xffffffff
EXTENDED = 0x80000000


class Row:
    """One register of a leaf, or all registers of a range of leaves."""

    def __init__(self, block):
        self.place = block.place
        self.first, self.last, self.subleaf, self.registers = self.read_head(block)
        self.features = []  # (bit, name, treatment, reason)
        self.whole = None   # (treatment, mask, reason)
        if block.all("whole"):
            self.read_whole(block.one("whole"))
        for treatment in TREATMENTS:
            for value in block.all(treatment):
                self.read_features(treatment, value)
        self.check(block)

    @staticmethod
    def read_head(block):
        match = re.fullmatch(r"(0x[0-9a-f]+)(?:-(0x[0-9a-f]+)|\.(\d+))?(?: (\w+))?",
                             " ".join(block.head))
        if not match:
            block.fail("expected 'leaf NUMBER[.SUBLEAF] REGISTER' or 'leaf FIRST-LAST'")
        first = int(match[1], 16)
        last = int(match[2], 16) if match[2] else first
        if last < first or last > 0xffffffff:
            block.fail("the range of leaves ends before it begins, or beyond 32 bits")
        subleaf = int(match[3]) if match[3] else ANY_SUBLEAF
        registers = (check_word(match[4], REGISTERS, block.place),) if match[4] else REGISTERS
        return first, last, subleaf, registers

    def read_whole(self, value):
        match = re.fullmatch(r"(\w+)(?: (0x[0-9a-f]+))?: (\S.*)", value.text)
        if not match:
            value.fail("expected 'TREATMENT: reason' or 'mask 0xBITS: reason'")
        treatment = check_word(match[1], WHOLES, value.place)
        if bool(match[2]) != (treatment == "mask"):
            value.fail("bits are given for 'mask', and for nothing else")
        self.whole = (treatment, int(match[2], 16) if match[2] else 0, match[3])

    def read_features(self, treatment, value):
        """`NAME bit, NAME bit, ...: reason`."""
        names, colon, reason = value.text.partition(": ")
        if not colon:
            value.fail("expected 'NAME BIT, NAME BIT, ...: reason'")
        for item in names.split(","):
            match = re.fullmatch(r"([A-Z0-9][A-Z0-9_]*) (\d+)", item.strip())
            if not match or int(match[2]) > 31:
                value.fail(f"'{item.strip()}' is no feature: NAME BIT, bit 0 to 31")
            self.features.append((int(match[2]), match[1], treatment, reason))

    def check(self, block):
        if bool(self.whole) == bool(self.features):
            block.fail("a leaf has either 'whole' or features")
        if self.features and (len(self.registers) > 1 or self.first != self.last):
            block.fail("features are of one register of one leaf")
        if self.whole and self.whole[0] == "last" and (
                self.registers != ("EAX",) or self.first not in (0, EXTENDED)):
            block.fail("'last' is EAX of leaf 0x0 or 0x80000000")
        for what, index in (("bit", 0), ("feature", 1)):
            seen = set()
            for feature in self.features:
                if feature[index] in seen:
                    block.fail(f"{what} {feature[index]} is given twice")
                seen.add(feature[index])

    def bits(self, treatment):
        return sum(1 << bit for bit, _, what, _ in self.features if what == treatment)

    def keep(self):
        """The processor's bits that the guest sees."""
        if not self.whole:
            return self.bits("processor")
        return {"processor": 0xffffffff, "zero": 0, "mask": self.whole[1], "last": 0}[self.whole[0]]

    def overlaps(self, other):
        return (self.first <= other.last and other.first <= self.last
                and set(self.registers) & set(other.registers)
                and (self.subleaf == other.subleaf
                     or ANY_SUBLEAF in (self.subleaf, other.subleaf)))

    def title(self):
        """How a reader finds it: `0x7.0 EBX`."""
        text = f"{self.first:#x}"
        if self.last != self.first:
            text += f"-{self.last:#x}"
        if self.subleaf != ANY_SUBLEAF:
            text += f".{self.subleaf}"
        return text + (f" {self.registers[0]}" if len(self.registers) == 1 else "")


def read(path):
    rows = [Row(block) for block in
            read_blocks(path, "leaf", (), ("whole",) + TREATMENTS, TREATMENTS)]
    for earlier, later in zip(rows, rows[1:]):
        if later.first < earlier.first:
            raise TableError(later.place, f"leaf {later.first:#x} does not ascend")
    for index, row in enumerate(rows):
        for other in rows[:index]:
            if row.overlaps(other):
                raise TableError(row.place, f"{row.title()} is given twice, first at "
                                            f"{other.place}")
    return rows


def last_of(rows, in_range):
    return max((row.last for row in rows if in_range(row.first)), default=0)


def header(rows):
    """Constants and the table of rows, for rom/policy/cpuid.c and who asks for a feature."""
    lines = [
        f"#define CPUID_LAST_BASIC {last_of(rows, lambda leaf: leaf < 0x40000000):#x}u",
        f"#define CPUID_LAST_EXTENDED {last_of(rows, lambda leaf: leaf >= EXTENDED):#x}u",
        "/* The guest has at least the basic leaves up to here: something is forced there. */",
        f"#define CPUID_LAST_FORCED "
        f"{max((row.first for row in rows if row.bits('forced') and row.first < EXTENDED), default=0):#x}u",
        f"#define CPUID_ANY_SUBLEAF {ANY_SUBLEAF:#x}u",
        "",
    ]
    for row in rows:
        for bit, name, _, _ in sorted(row.features):
            subleaf = f"_{row.subleaf}" if row.subleaf != ANY_SUBLEAF else ""
            lines.append(f"#define CPUID_{row.first:X}{subleaf}_{row.registers[0]}_{name} "
                         f"(1u << {bit})")
    lines += ["", "/* CPUID_ROW(first leaf, last leaf, subleaf, register, kept bits, forced bits) */",
              "#define CPUID_ROWS \\"]
    made = [f"\tCPUID_ROW({row.first:#x}u, {row.last:#x}u, {row.subleaf:#x}u, "
            f"{REGISTERS.index(register)}, {row.keep():#010x}u, {row.bits('forced'):#010x}u)"
            for row in rows for register in row.registers if row.keep() or row.bits("forced")]
    return c_text.guarded("cpuid_policy_rows", SOURCE, lines + [" \\\n".join(made)])


def manual_rows(rows):
    for row in rows:
        if row.whole:
            treatment, mask, reason = row.whole
            what = f"{treatment} {mask:#x}" if treatment == "mask" else treatment
            yield (row.title(), "all", what, reason)
        for bit, name, treatment, reason in sorted(row.features):
            yield (row.title(), f"{bit} {name}", treatment, reason)


def manual(rows):
    return [
        "# What the guest's CPUID says",
        "",
        f"Generated from `{SOURCE}`. What is not named is 0.",
        "",
        *table(("Leaf", "Bits", "Treatment", "Why"), manual_rows(rows)),
    ]
