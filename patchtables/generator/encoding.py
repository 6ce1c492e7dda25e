# SPDX-License-Identifier: BSD-2-Clause
"""The notation of encodings: which bytes are a form, and whether two of them overlap."""

import itertools
import re

# The mode an instruction is decoded in, as in enum disasm_mode.
MODES = (16, 32, 64)
MODE_WORDS = {"legacy": (16, 32), "64-only": (64,)}

# What the prefixes select: the last of f3 and f2 wins, and wins over 66.
PREFIX_STATES = ("none", "66", "f3", "f2")
PREFIX_WORDS = {
    "np": ("none",),
    "nfx": ("none", "66"),
    "66": ("66",),
    "f3": ("f3",),
    "f2": ("f2",),
    "not-f3": ("none", "66", "f2"),
    "rep": ("f3", "f2"),
}
# LOCK is #UD nearly everywhere; with mov cr0 it names CR8.
LOCKS = ("no-lock", "lock")
# Operand size: `o16` and everything else.
SIZES = ("o16", "not-o16")
MODRM_WORDS = ("/r", "/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "cr0", "cr2", "cr3", "cr4",
               "cr8", "mem", "reg", "rm=0", "rm=1", "rm=2", "rm=3", "rm=4", "rm=5", "rm=6", "rm=7")
IMMEDIATE_WORDS = ("ib", "iw", "ptr")
BEFORE_OPCODE = tuple(MODE_WORDS) + LOCKS + tuple(PREFIX_WORDS)
WORDS = BEFORE_OPCODE + MODRM_WORDS + SIZES + IMMEDIATE_WORDS

MAPS = {"": 0, "0f": 1, "0f38": 2, "0f3a": 3}


class Encoding:
    """A set of instructions: one opcode, and for each other property the values allowed."""

    def __init__(self, value):
        self.text = value.text
        self.place = value.place
        self.modes = MODES
        self.locks = LOCKS
        self.prefixes = PREFIX_STATES
        self.sizes = SIZES
        self.mods = ("mem", "reg")
        self.regs = frozenset(range(16))
        self.rms = frozenset(range(8))
        self.has_modrm = False
        self.immediate = ""
        self.given = set()
        words = value.text.split()
        words = self.read_before_opcode(words, value)
        words = self.read_opcode(words, value)
        for word in words:
            self.read_after_opcode(word, value)
        self.check(value)

    def once(self, what, value):
        if what in self.given:
            value.fail(f"'{value.text}' gives two {what} words")
        self.given.add(what)

    def read_before_opcode(self, words, value):
        while words and words[0] in BEFORE_OPCODE:
            word = words.pop(0)
            if word in MODE_WORDS:
                self.once("mode", value)
                self.modes = MODE_WORDS[word]
            elif word in LOCKS:
                self.once("lock", value)
                self.locks = (word,)
            else:
                self.once("prefix", value)
                self.prefixes = PREFIX_WORDS[word]
        return words

    def read_opcode(self, words, value):
        opcode_bytes = list(itertools.takewhile(lambda word: re.fullmatch(r"[0-9a-f]{2}", word),
                                                words))
        self.opcode_bytes = bytes.fromhex("".join(opcode_bytes))
        escape = "".join(opcode_bytes[:-1])
        if not opcode_bytes or escape not in MAPS:
            value.fail(f"'{value.text}' has no opcode: XX, 0f XX, 0f 38 XX or 0f 3a XX")
        self.map = MAPS[escape]
        self.opcode = self.opcode_bytes[-1]
        return words[len(opcode_bytes):]

    def read_after_opcode(self, word, value):
        if word not in WORDS:
            value.fail(f"unknown word '{word}' (allowed: hexadecimal bytes, {', '.join(WORDS)})")
        if word in BEFORE_OPCODE:
            value.fail(f"'{word}' must stand before the opcode")
        if word in SIZES:
            self.once("size", value)
            self.sizes = (word,)
        elif word in IMMEDIATE_WORDS:
            self.once("immediate", value)
            self.immediate = word
        else:
            self.has_modrm = True
            self.read_modrm(word, value)

    def read_modrm(self, word, value):
        if word in ("mem", "reg"):
            self.once("mod", value)
            self.mods = (word,)
        elif word.startswith("rm="):
            self.once("rm", value)
            self.rms = frozenset((int(word[3:]),))
        elif word.startswith("cr"):
            # REX.R counts here, and mod does not: SDM vol. 2, "MOV - Move to/from Control
            # Registers".
            self.once("reg", value)
            self.regs = frozenset((int(word[2:]),))
        elif word != "/r":
            self.once("reg", value)
            self.regs = frozenset((int(word[1:]), int(word[1:]) + 8))

    def check(self, value):
        if "rm" in self.given and self.mods != ("reg",):
            value.fail(f"'{value.text}': rm=N needs reg")
        if self.regs == frozenset((8,)) and self.modes != (64,):
            value.fail(f"'{value.text}': cr8 needs 64-only")

    def matches(self, mode, lock, prefix, size, modrm, rex_r):
        """Whether an instruction with this opcode and these properties is in the set."""
        if mode not in self.modes or lock not in self.locks:
            return False
        if prefix not in self.prefixes or size not in self.sizes:
            return False
        if not self.has_modrm:
            return True
        mod = "reg" if modrm >> 6 == 3 else "mem"
        reg = (modrm >> 3 & 7) + (8 if rex_r else 0)
        return mod in self.mods and reg in self.regs and (modrm & 7) in self.rms

    def overlaps(self, other):
        """Whether some instruction is in both sets."""
        def common(name):
            return set(getattr(self, name)) & set(getattr(other, name))
        if (self.map, self.opcode) != (other.map, other.opcode):
            return False
        return all(map(common, ("modes", "locks", "prefixes", "sizes", "mods", "regs", "rms")))
