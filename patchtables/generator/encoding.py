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
IMMEDIATE_WORDS = ("ib", "iw", "id", "ptr")
BEFORE_OPCODE = tuple(MODE_WORDS) + LOCKS + tuple(PREFIX_WORDS)
WORDS = BEFORE_OPCODE + MODRM_WORDS + SIZES + IMMEDIATE_WORDS

MAPS = {"": 0, "0f": 1, "0f38": 2, "0f3a": 3}
# Bytes that lead on to a map and so are no opcode of theirs.
ESCAPES = {(0, 0x0f), (1, 0x38), (1, 0x3a)}
LEGACY_PREFIXES = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3"


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
        last = self.opcode_bytes[-1:]
        if not last or escape not in MAPS or (MAPS[escape], last[0]) in ESCAPES:
            value.fail(f"'{value.text}' has no opcode: XX, 0f XX, 0f 38 XX or 0f 3a XX")
        if escape == "" and last in LEGACY_PREFIXES:
            value.fail(f"'{value.text}': {last.hex()} is a prefix and no opcode")
        self.map = MAPS[escape]
        self.opcode = last[0]
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

    def matches(self, start):
        """Whether the instruction that begins so is in the set."""
        if (start.map, start.opcode) != (self.map, self.opcode):
            return False
        if start.mode not in self.modes or start.lock not in self.locks:
            return False
        if start.prefix not in self.prefixes or start.size not in self.sizes:
            return False
        if not self.has_modrm:
            return True
        mod = "reg" if start.modrm >> 6 == 3 else "mem"
        reg = (start.modrm >> 3 & 7) + (8 if start.rex & 4 else 0)
        return mod in self.mods and reg in self.regs and (start.modrm & 7) in self.rms

    def overlaps(self, other):
        """Whether some instruction is in both sets."""
        def common(name):
            return set(getattr(self, name)) & set(getattr(other, name))
        if (self.map, self.opcode) != (other.map, other.opcode):
            return False
        return all(map(common, ("modes", "locks", "prefixes", "sizes", "mods", "regs", "rms")))


class Start:
    """The first bytes of an instruction, as far as an Encoding asks for them."""

    def __init__(self, mode, code):
        self.mode = mode
        self.rex = 0
        rest = code.lstrip(LEGACY_PREFIXES)
        prefixes = code[:len(code) - len(rest)]
        if mode == 64 and rest and rest[0] & 0xf0 == 0x40:
            self.rex = rest[0]
            rest = rest[1:]
        self.lock = "lock" if 0xf0 in prefixes else "no-lock"
        self.prefix = selected_prefix(prefixes)
        self.size = operand_size(mode, prefixes, self.rex)
        self.map = 0
        while rest and (self.map, rest[0]) in ESCAPES:
            self.map = {0x0f: 1, 0x38: 2, 0x3a: 3}[rest[0]]
            rest = rest[1:]
        self.opcode = rest[0] if rest else None
        self.modrm = rest[1] if rest[1:] else 0


def selected_prefix(prefixes):
    """One of PREFIX_STATES."""
    repeats = [byte for byte in prefixes if byte in (0xf2, 0xf3)]
    if repeats:
        return f"{repeats[-1]:02x}"
    return "66" if 0x66 in prefixes else "none"


def operand_size(mode, prefixes, rex):
    """One of SIZES, for instructions without a size of their own."""
    if rex & 8:
        return "not-o16"
    return "o16" if (mode == 16) != (0x66 in prefixes) else "not-o16"
