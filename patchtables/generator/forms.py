# SPDX-License-Identifier: BSD-2-Clause
"""instructions.def: the forms of privileged and sensitive instructions, read and checked."""

import re

from .calls import REGISTERS, STACK_WORDS
from .encoding import Encoding, Start
from .reader import TableError, check_unique, check_word, read_blocks

CLASSES = (
    "interrupt-flag", "flags", "descriptor-table", "control-register", "debug-register", "msr",
    "io", "segment", "far-transfer", "cache-tlb", "cpuid", "time", "halt", "system-call",
    "software-interrupt", "protection-check", "virtualization", "security", "page-table")
BEHAVIOURS = ("faults", "silent", "harmless")
TREATMENTS = ("rewrite", "report", "named", "ignore")

# Where a springboard takes a call's arguments from and leaves its results.
OPERANDS = ("rm", "rm-word", "reg", "address", "number", "imm8", "imm16", "offset", "selector",
            "selector-16bit", "next", "pop", "pop-word", "0", "1", "2", "3", "4", "5", "imm32", "bit",
            "bit-address", "moffs", "high") + REGISTERS
ARGUMENT_PLACES = REGISTERS + STACK_WORDS + ("push",)
RESULT_PLACES = REGISTERS + ("pop", "ZF", "offset", "memory")
RESULT_OPERANDS = ("rm", "rm-word", "reg", "push-word", "AL", "AX", "CF", "flags") + REGISTERS

REQUIRED = ("instruction", "encoding", "class", "deprivileged", "reason", "xen", "treatment",
            "call", "example")
OPTIONAL = ("before", "after", "notes")


class Form:
    """One form of an instruction."""

    def __init__(self, block, calls):
        self.place = block.place
        self.name = self.read_name(block)
        self.instruction = block.text("instruction")
        self.mnemonic, _, self.operands = self.instruction.partition(" ")
        self.encodings = [Encoding(value) for value in block.all("encoding")]
        self.class_name = block.one("class").word(CLASSES)
        self.deprivileged = block.one("deprivileged").word(BEHAVIOURS)
        self.reason = block.text("reason")
        self.xen = block.text("xen")
        self.treatment = block.one("treatment").word(TREATMENTS)
        self.call = read_call(block.one("call"), calls)
        self.before = read_moves(block, "before", ARGUMENT_PLACES, OPERANDS)
        self.after = read_after(block)
        self.notes = block.text("notes")
        self.examples = [read_example(value) for value in block.all("example")]
        self.check(block)

    @staticmethod
    def read_name(block):
        if len(block.head) != 1 or not re.fullmatch(r"[A-Z][A-Z0-9_]*", block.head[0]):
            block.fail("expected 'form NAME', of capitals, digits and _")
        return block.head[0]

    def check(self, block):
        if self.treatment in ("rewrite", "named") and not self.call:
            block.one("call").fail(f"{self.name} must be rewritten, but into which call?")
        if self.treatment == "ignore" and self.call:
            block.one("call").fail(f"{self.name} is ignored, so it cannot become a call")
        if self.treatment == "ignore" and self.deprivileged != "harmless":
            block.one("treatment").fail(f"{self.name} is not harmless, so it cannot be ignored")
        if self.named() and self.deprivileged != "harmless":
            block.one("treatment").fail(f"{self.name} is not harmless, so it is a site anywhere")
        if self.call:
            self.check_arguments(block)
            self.check_results(block)
        elif self.before or self.after:
            block.fail(f"{self.name} becomes no call, so it has no 'before' and 'after'")

    def named(self):
        """Whether it is a site only where something names its address."""
        return self.treatment == "named"

    def check_arguments(self, block):
        """`before` fills exactly the call's arguments; pushes end with word0."""
        given = {place for place, _ in self.before if place != "push"}
        pushes = sum(place == "push" for place, _ in self.before)
        pushed = set(STACK_WORDS[:pushes])
        if given & pushed:
            block.fail(f"{self.name} pushes {' '.join(sorted(given & pushed))}, which is not there "
                       "already")
        if given | pushed != set(self.call.inputs):
            block.fail(f"{self.name} fills {' '.join(sorted(given | pushed)) or 'nothing'}, but "
                       f"{self.call.name} takes {' '.join(sorted(self.call.inputs)) or 'nothing'}")

    def check_results(self, block):
        for place, _ in self.after:
            if place == "pop":
                if self.call.esp >= 0:
                    block.fail(f"{self.call.name} pushes nothing that {self.name} could pop")
            elif place not in ("offset", "memory") and place not in self.call.outputs:
                block.fail(f"{self.call.name} has no result {place} for {self.name}")


def read_call(value, calls):
    """The call of that name, or None for `-`."""
    if value.text == "-":
        return None
    by_name = {call.name: call for call in calls}
    return by_name[check_word(value.text, tuple(by_name) + ("-",), value.place)]


def read_moves(block, field, places, operands):
    """`PLACE=OPERAND PLACE`: pairs of place and operand; a place alone already holds it."""
    if not block.all(field):
        return []
    value = block.one(field)
    moves = []
    for item in value.text.split():
        place, _, operand = item.partition("=")
        check_word(place, places, value.place)
        if operand:
            check_word(operand, operands, value.place)
        moves.append((place, operand))
    return moves


def read_after(block):
    """`OPERAND=PLACE PLACE`: pairs of place and operand; a place alone is where it belongs."""
    if not block.all("after"):
        return []
    value = block.one("after")
    moves = []
    for item in value.text.split():
        operand, equals, place = item.rpartition("=")
        check_word(place, RESULT_PLACES, value.place)
        if equals:
            check_word(operand, RESULT_OPERANDS, value.place)
        moves.append((place, operand))
    return moves


def read_example(value):
    """`[16:|32:|64:] HEX BYTES`: mode and bytes; the mode is 32 unless said."""
    match = re.fullmatch(r"(?:(16|32|64):\s*)?((?:[0-9a-f]{2} ?)+)", value.text)
    if not match:
        value.fail(f"'{value.text}' is no example: hexadecimal bytes, with 16: or 64: before them "
                   "for these modes")
    return int(match[1] or 32), bytes.fromhex(match[2]), value


def read(path, calls):
    """The forms of the table in its order."""
    repeated = ("encoding", "example")
    forms = [Form(block, calls)
             for block in read_blocks(path, "form", REQUIRED, OPTIONAL, repeated)]
    check_unique(forms, "form")
    for named in (False, True):
        check_overlaps([form for form in forms if form.named() == named])
    for form in forms:
        check_examples(form)
    return forms


def check_overlaps(forms):
    """No instruction is two forms."""
    by_opcode = {}
    for form in forms:
        for encoding in form.encodings:
            others = by_opcode.setdefault((encoding.map, encoding.opcode), [])
            for other_form, other in others:
                if encoding.overlaps(other):
                    raise TableError(encoding.place,
                                     f"'{encoding.text}' of {form.name} overlaps '{other.text}' of "
                                     f"{other_form.name} ({other.place})")
            others.append((form, encoding))


def check_examples(form):
    """Each example is of the form it stands under."""
    for mode, code, value in form.examples:
        start = Start(mode, code)
        if not any(encoding.matches(start) for encoding in form.encodings):
            value.fail(f"'{value.text}' is no {form.name}: none of its encodings has these bytes")
