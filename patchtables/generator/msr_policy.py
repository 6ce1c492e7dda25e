# SPDX-License-Identifier: BSD-2-Clause
"""msr_policy.def: the guest's model-specific registers, read, checked, made into C and Markdown."""

import re

from . import c_text
from .markdown import table
from .reader import TableError, check_unique, check_word, read_blocks

SOURCE = "patchtables/msr_policy.def"
READS = ("stored", "value", "time-stamp", "faults")
WRITES = ("stored", "ignored", "faults")
LIMIT = 1 << 64


class Register:
    """One model-specific register."""

    def __init__(self, block):
        self.place = block.place
        self.number, self.name = self.read_head(block)
        self.read, self.value = self.read_treatment(block.one("read"), READS, "value")
        self.write, self.mask = self.read_treatment(block.one("write"), WRITES, "stored")
        self.reset = self.read_number(block.one("reset")) if block.all("reset") else 0
        self.reason = block.text("reason")
        self.slot = None  # among the stored ones
        self.check(block)

    @staticmethod
    def read_head(block):
        match = re.fullmatch(r"(0x[0-9a-f]{1,8}) ([A-Z][A-Z0-9_]*)", " ".join(block.head))
        if not match:
            block.fail("expected 'msr NUMBER NAME'")
        return int(match[1], 16), match[2]

    @staticmethod
    def read_number(value):
        if not re.fullmatch(r"0x[0-9a-f]{1,16}", value.text):
            value.fail(f"'{value.text}' is no 64-bit number: 0x and hexadecimal digits")
        return int(value.text, 16)

    @staticmethod
    def read_treatment(value, allowed, with_number):
        """`word`, or `word 0xNUMBER` for the one word that takes a number."""
        word, _, number = value.text.partition(" ")
        check_word(word, allowed, value.place)
        if bool(number) != (word == with_number):
            value.fail(f"a number is given for '{with_number}', and for nothing else")
        if number and not re.fullmatch(r"0x[0-9a-f]{1,16}", number):
            value.fail(f"'{number}' is no 64-bit number: 0x and hexadecimal digits")
        return word, int(number, 16) if number else 0

    def check(self, block):
        if (self.read == "stored") != (self.write == "stored"):
            block.fail("what is stored is read, and what is read is stored")
        if self.reset and self.read != "stored":
            block.fail("only what is stored has a value after reset")
        if self.reset & ~self.mask:
            block.one("reset").fail("has bits that cannot be written")


def read(path):
    registers = [Register(block) for block in
                 read_blocks(path, "msr", ("read", "write", "reason"), ("reset",), ())]
    check_unique(registers, "register")
    for earlier, later in zip(registers, registers[1:]):
        if later.number <= earlier.number:
            raise TableError(later.place, f"number {later.number:#x} does not ascend")
    stored = [register for register in registers if register.read == "stored"]
    for slot, register in enumerate(stored):
        register.slot = slot
    if not stored:
        raise TableError(path, "no register is stored")
    return registers


def row(register):
    """MSR_ROW(number, read, write, slot, value or value after reset, writable bits)"""
    number = register.reset if register.read == "stored" else register.value
    return (f"\tMSR_ROW({register.number:#x}u, MSR_READ_{c_text.identifier(register.read)}, "
            f"MSR_WRITE_{c_text.identifier(register.write)}, {register.slot or 0}, "
            f"{number:#x}u, {register.mask:#x}u)")


def header(registers):
    stored = [register for register in registers if register.read == "stored"]
    lines = [f"#define MSR_{register.name} {register.number:#x}u" for register in registers]
    lines += ["", "/* Places in struct msr_state. */"]
    lines += [f"#define MSR_SLOT_{register.name} {register.slot}" for register in stored]
    lines += [f"#define MSR_STORED_COUNT {len(stored)}", ""]
    lines += c_text.enum("msr_read_kind", "MSR_READ_", READS)
    lines += c_text.enum("msr_write_kind", "MSR_WRITE_", WRITES)
    lines += ["", f"/* {row.__doc__} */", "#define MSR_ROWS \\"]
    return c_text.guarded("msr_policy_numbers", SOURCE,
                          lines + [" \\\n".join(row(register) for register in registers)])


def manual_rows(registers):
    for register in registers:
        value = f" {register.value:#x}" if register.read == "value" else ""
        mask = f" {register.mask:#x}" if register.write == "stored" else ""
        yield (f"{register.number:#x}", register.name, register.read + value,
               register.write + mask, f"{register.reset:#x}" if register.slot is not None else "-",
               register.reason)


def manual(registers):
    return [
        "# The guest's model-specific registers",
        "",
        f"Generated from `{SOURCE}`. A register that is not named raises #GP.",
        "",
        *table(("Number", "Register", "Reads", "Writes", "After reset", "Why"),
               manual_rows(registers)),
    ]
