# SPDX-License-Identifier: BSD-2-Clause
"""vmi_calls.def: the calls of the ROM, read and checked."""

import re

from .reader import TableError, check_unique, check_word, read_blocks

# VMI API 13 (March 2006): call n is code at ROM + 32 * n; 0 to 3 are the header.
PUBLISHED = range(4, 85)
EXTENSIONS = range(96, 128)

REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESI", "EDI")
# Words of the guest's stack above the slot's return address.
STACK_WORDS = ("word0", "word1", "word2", "word3")
INPUTS = REGISTERS + STACK_WORDS
OUTPUTS = REGISTERS + ("ZF", "word0")
CLOBBERS = REGISTERS + ("flags", "memory")
FAULTS = ("#UD", "#NM", "#NP", "#SS", "#GP", "#PF")
SEGMENTS = ("flat", "code-stack")
YES_NO = ("yes", "no")

REQUIRED = ("in", "out", "clobbers", "does")
OPTIONAL = ("esp", "returns", "segments", "faults", "source", "notes")


class Call:
    """One call of the ROM. Places (EAX, word0, ...) map to what they hold."""

    def __init__(self, block):
        self.place = block.place
        self.number, self.name = self.read_head(block)
        self.inputs = read_places(block.one("in"), INPUTS)
        self.outputs = read_places(block.one("out"), OUTPUTS)
        self.clobbers = block.one("clobbers").words(CLOBBERS)
        self.esp = self.read_esp(block)
        self.returns = not block.all("returns") or block.one("returns").word(YES_NO) == "yes"
        self.segments = block.one("segments").word(SEGMENTS) if block.all("segments") else "flat"
        self.faults = block.one("faults").words(FAULTS) if block.all("faults") else []
        self.does = block.text("does")
        self.source = block.text("source")
        self.notes = block.text("notes")
        self.check(block)

    @staticmethod
    def read_head(block):
        if len(block.head) != 2 or not block.head[0].isdecimal():
            block.fail("expected 'call NUMBER NAME'")
        number, name = int(block.head[0]), block.head[1]
        if number not in PUBLISHED and number not in EXTENSIONS:
            block.fail(f"number {number} is out of range (published: 4 to 84, extensions: 96 to "
                       "127)")
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
            block.fail(f"'{name}' is no name of a call: letters and digits, a capital first")
        return number, name

    @staticmethod
    def read_esp(block):
        if not block.all("esp"):
            return 0
        value = block.one("esp")
        if not re.fullmatch(r"[+-]\d{1,2}", value.text):
            value.fail(f"'{value.text}' is no change of ESP in bytes, such as -4 or +8")
        return int(value.text)

    def check(self, block):
        """Stack words are numbered from 0; outputs are clobbered; extensions say where they are
        not like the published calls."""
        words = [place for place in self.inputs if place in STACK_WORDS]
        if words != list(STACK_WORDS[:len(words)]):
            block.one("in").fail("stack words must be given in order, from word0 on")
        for place in self.outputs:
            if place in REGISTERS and place not in self.clobbers:
                block.one("out").fail(f"{place} is a result but not among the clobbers")
        if "ZF" in self.outputs and "flags" not in self.clobbers:
            block.one("out").fail("ZF is a result but flags is not among the clobbers")
        if not self.returns and self.outputs:
            block.one("out").fail("a call that does not return has no results")
        if self.is_extension() and not self.source:
            block.fail(f"extension {self.name} has no 'source' (what its contract was taken from)")

    def is_extension(self):
        return self.number in EXTENSIONS


def read_places(value, allowed):
    """`EAX=what it holds; EDX=...` as a dict in its order; `-` is empty."""
    places = {}
    if value.text == "-":
        return places
    for item in value.text.split(";"):
        place, equals, meaning = item.strip().partition("=")
        check_word(place, allowed, value.place)
        if not equals or not meaning.strip():
            value.fail(f"'{item.strip()}' does not say what {place} holds: PLACE=meaning")
        if place in places:
            value.fail(f"{place} is given twice")
        places[place] = meaning.strip()
    return places


def read(path):
    """The calls of the table in the order of their numbers."""
    calls = [Call(block) for block in read_blocks(path, "call", REQUIRED, OPTIONAL, ())]
    check_unique(calls, "call")
    for earlier, later in zip(calls, calls[1:]):
        if later.number <= earlier.number:
            raise TableError(later.place, f"number {later.number} does not ascend")
    numbers = {call.number for call in calls}
    for number in PUBLISHED:
        if number not in numbers:
            raise TableError(path, f"published call {number} is missing")
    return calls


def check_use(calls, forms):
    """An extension that no form becomes has no place in the ROM."""
    used = {form.call.name for form in forms if form.call}
    for call in calls:
        if call.is_extension() and call.name not in used:
            raise TableError(call.place, f"no instruction becomes extension {call.name}")
