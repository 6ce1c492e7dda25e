# SPDX-License-Identifier: BSD-2-Clause
"""Test cases made from instructions.def: bytes, and the form they must be."""

from . import c_text
from .c_forms import SOURCE, by_opcode
from .encoding import Start, operand_size

# What is put before the opcode to reach a prefix state.
PREFIX_BYTES = {"none": b"", "66": b"\x66", "f3": b"\xf3", "f2": b"\xf2"}
IMMEDIATES = {"": b"", "ib": b"\x80", "iw": b"\x08\x00", "id": b"\x00\x00\x01\x00"}
# The address of an operand without ModRM, as 32-bit addressing has it.
MOFFS = b"\x00\x00\x10\xc0"
# Prefixes that change nothing: segments, also twice.
REDUNDANT = (b"", b"\x2e", b"\x26\x2e")


def modrms(encoding):
    """ModRM bytes that the encoding allows, each reg once; memory operands without displacement."""
    if not encoding.has_modrm:
        return [b""]
    result = []
    rm = min(encoding.rms)
    for reg in sorted({reg % 8 for reg in encoding.regs}):
        if "mem" in encoding.mods:
            result.append(bytes((reg << 3 | rm,)))
        if "reg" in encoding.mods:
            result.append(bytes((0xc0 | reg << 3 | rm,)))
    return result


def immediate(encoding, size):
    if encoding.immediate == "ptr":
        return b"\x00\x10" + (b"" if size == "o16" else b"\x00\xc0") + b"\x60\x00"
    return IMMEDIATES[encoding.immediate]


def variants(encoding, mode):
    """(prefix bytes, REX byte or 0) that reach the encoding's prefix states and sizes; LOCK only
    where it must be."""
    rex = 0x44 if encoding.regs == frozenset((8,)) else 0
    lock = b"\xf0" if encoding.locks == ("lock",) else b""
    for state in encoding.prefixes:
        for extra in (b"", b"\x66"):
            prefixes = (extra if PREFIX_BYTES[state] != extra else b"") + PREFIX_BYTES[state]
            if state == "none" and extra:
                continue
            if operand_size(mode, prefixes, rex) in encoding.sizes:
                yield lock + prefixes, rex


def expected(candidates, mode, code):
    """The form these bytes must be, or None: the definition the classifier is tested against."""
    start = Start(mode, code)
    for form, encoding in candidates:
        if encoding.matches(start):
            return form if form.treatment != "ignore" else None
    return None


def case(mode, code, form, origin):
    number = f"FORM_{form.name}" if form else "SENSITIVE_FORM_NONE"
    text = ", ".join(f"0x{byte:02x}" for byte in code)
    return f"\t{{ DISASM_MODE_{mode}, {len(code)}, {number}, {{ {text} }}, {c_text.string(origin)} }},"


def one_bit(form, encoding, tail):
    """The immediate of a form that is about one bit: `and` clears it, `or` sets it."""
    if ("EDX", "bit") not in form.before or encoding.map or not tail:
        return tail
    number = 1 if 1 in encoding.regs else 0xfffffffd
    return number.to_bytes(4, "little")[:len(tail)]


def codes(form, encoding, mode):
    """Bytes of the encoding, with each prefix that leads to it."""
    for prefixes, rex in variants(encoding, mode):
        tail = immediate(encoding, operand_size(mode, prefixes, rex))
        tail = one_bit(form, encoding, tail) + (MOFFS if ("EAX", "moffs") in form.before else b"")
        for modrm in modrms(encoding):
            for redundant in REDUNDANT:
                yield (redundant + prefixes + (bytes((rex,)) if rex else b"") +
                       encoding.opcode_bytes + modrm + tail)


def derived(forms):
    """Cases for every encoding in every mode it is for."""
    seen = set()
    for form in forms:
        groups = by_opcode([other for other in forms if other.named() == form.named()])
        for encoding in form.encodings:
            candidates = groups[encoding.map, encoding.opcode]
            for mode in encoding.modes:
                for code in codes(form, encoding, mode):
                    if (mode, code, form.named()) not in seen:
                        seen.add((mode, code, form.named()))
                        yield case(mode, code, expected(candidates, mode, code), encoding.text)


def examples(forms):
    for form in forms:
        for mode, code, value in form.examples:
            yield case(mode, code, None if form.treatment == "ignore" else form,
                       f"example of {form.name}, {value.place}")


def cases(forms):
    """form_cases.h: the examples of the table, and cases derived from its encodings."""
    return [
        c_text.heading(SOURCE),
        "",
        "/* The table's own examples: each decodes to all its bytes and is that form. */",
        "static const struct form_case form_examples[] = {",
        *examples(forms),
        "};",
        "",
        "/* What the encodings allow, made from them. */",
        "static const struct form_case form_cases[] = {",
        *derived(forms),
        "};",
    ]
