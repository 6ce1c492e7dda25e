# SPDX-License-Identifier: BSD-2-Clause
"""A miniature Linux kernel: an ELF of a few kilobytes that holds one of everything a reader of
Linux kernels looks for, in the layout of a given Linux version. Nothing in it runs.

Layouts are those of Linux's own headers and scripts: asm/extable.h, asm/alternative.h,
asm/paravirt_types.h, asm/jump_label.h, asm/bug.h, linux/export.h, linux/pci.h,
scripts/kallsyms.c.
"""

import struct
from dataclasses import dataclass, field

FUNCTIONS = 24  # of each kind below one, and these besides

WRITE, ALLOC, EXECUTE = 1, 2, 4
PROGBITS, SYMTAB, STRTAB, RELA, NOTE, NOBITS, REL = 1, 2, 3, 4, 7, 8, 9


@dataclass
class Layout:
    """How the tables of one kernel version look."""

    version: str
    exceptions: str = "relative-12"  # absolute-8, relative-8, relative-12
    alternatives: str = "relative-12"  # absolute-12, relative-12, -13 (padlen), -14 (flags)
    jump_labels: str = "relative"  # absolute, relative
    exports: str = "relative-12"  # absolute-8, relative-8, relative-12 (namespace)
    smp_locks: str = "relative"  # absolute, relative
    kallsyms: str = "relative-6.1"  # stem, absolute, relative-4.6, relative-6.1, relative-6.2, -6.4
    bits: int = 32


LAYOUTS = {
    "2.6.5": Layout("2.6.5", "absolute-8", "absolute-12", "absolute", "absolute-8", "absolute",
                    "stem"),
    "2.6.18": Layout("2.6.18", "absolute-8", "absolute-12", "absolute", "absolute-8", "absolute",
                     "absolute"),
    "3.2": Layout("3.2.0", "absolute-8", "absolute-12", "absolute", "absolute-8", "relative",
                  "absolute"),
    "4.4": Layout("4.4.0", "relative-8", "relative-13", "absolute", "absolute-8", "relative",
                  "absolute"),
    "4.9": Layout("4.9.0", "relative-12", "relative-13", "absolute", "absolute-8", "relative",
                  "relative-4.6"),
    "5.4": Layout("5.4.0", "relative-12", "relative-13", "relative", "relative-12", "relative",
                  "relative-6.1"),
    "6.1": Layout("6.1.176"),
    "6.2": Layout("6.2.0", kallsyms="relative-6.2"),
    "6.6": Layout("6.6.0", alternatives="relative-14", kallsyms="relative-6.4"),
    "6.1-64": Layout("6.1.176", bits=64),
    "4.4-64": Layout("4.4.0", "relative-8", "relative-13", "absolute", "absolute-8", "relative",
                     "absolute", bits=64),
}  # fmt: skip


@dataclass
class Section:
    name: str
    kind: int
    flags: int
    content: bytes
    align: int = 4
    address: int = 0
    offset: int = 0
    link: int = 0
    info: int = 0
    entry_size: int = 0
    size: int = 0  # NOBITS only


@dataclass
class Kernel:
    """Built twice: the second time all addresses are known."""

    layout: Layout
    functions: int = FUNCTIONS
    banner: bool = True  # without it, it is no Linux
    boundaries: bool = False  # symbols for the tables that a stock kernel has no symbol for
    labels: dict = field(default_factory=dict)
    symbols: list = field(default_factory=list)  # (name, kallsyms type)
    relocated: list = field(default_factory=list)  # addresses of words to relocate

    # --- words ---------------------------------------------------------------------------------

    def base(self):
        return 0xC1000000 if self.layout.bits == 32 else 0xFFFFFFFF81000000

    def at(self, label):
        return self.labels.get(label, self.base())

    def word(self, value):
        """A C pointer or long."""
        if self.layout.bits == 32:
            return struct.pack("<I", value & 0xFFFFFFFF)
        return struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF)

    @staticmethod
    def relative(target, place):
        return struct.pack("<I", (target - place) & 0xFFFFFFFF)

    # --- code ----------------------------------------------------------------------------------

    def text(self, address):
        """Functions with every kind of place that a table points to."""
        code = bytearray()

        def here():
            return address + len(code)

        def label(name):
            self.labels[name] = here()

        def function(name, kind="t"):
            code.extend(b"\xcc" * (-len(code) % 16))
            label(name)
            self.symbols.append((name, kind))

        def branch(opcode, target):
            code.extend(opcode + self.relative(self.at(target), here() + len(opcode) + 4))

        function("_stext", "T")
        function("startup_32", "T")
        code.extend(b"\xfa\xfc\x0f\x20\xc0\x0f\x22\xc0\x0f\x01\x10\x8e\xd8\xf4")
        branch(b"\xe9", "__fentry__")
        function("__fentry__", "T")
        code.extend(b"\xc3")
        function("native_write_msr")
        label("exception0")
        code.extend(b"\x0f\x30\xc3")
        label("fixup0")
        code.extend(b"\x31\xc0\xc3")
        function("pv_native_calls")
        label("paravirt0")
        code.extend(b"\xff\x15" + struct.pack("<I", self.at("pv_ops") & 0xFFFFFFFF) + b"\xc3")
        function("__SCT__cond_resched", "T")
        branch(b"\xe9", "__fentry__")
        code.extend(b"\x0f\xb9\xcc")
        for name in self.KPROBE_FUNCTIONS:
            function(name, "T")
            code.extend(b"\xc3")
        for number in range(self.functions):
            function(f"function_{number:02d}", "T" if number % 3 else "t")
            label(f"mcount{number}")
            branch(b"\xe8", "__fentry__")
            if self.layout.bits == 64:
                label(f"static_call{number}")
                branch(b"\xe8", "__SCT__cond_resched")
            label(f"exception{number + 1}")
            code.extend(b"\x0f\x32")
            label(f"fixup{number + 1}")
            label(f"jump{number}")
            code.extend(b"\x3e\x8d\x74\x26\x00" if self.layout.bits == 32 else b"\x0f\x1f\x44\x00\x00")
            label(f"lock{number}")
            code.extend(b"\xf0\x0f\xc1\x02")
            label(f"site{number}")
            code.extend(b"\x90\x90\x90")
            label(f"target{number}")
            code.extend(b"\xc3")
            label(f"bug{number}")
            code.extend(b"\x0f\x0b")
        function("__entry_text_end", "T")
        code.extend(b"\xcf")
        function("_etext", "T")
        return bytes(code)

    def init_text(self, address):
        code = b"\xfb\xf4\xe4\x60\xe6\x80\x0f\x01\xd9\xc3"
        self.labels["_sinittext"] = address
        self.symbols.append(("_sinittext", "T"))
        return code + b"\xcc" * (16 - len(code))

    def replacements(self, address):
        code = b""
        for number in range(self.functions):
            self.labels[f"replacement{number}"] = address + len(code)
            code += b"\x0f\x01\xcb" if number % 2 else b"\x0f\x30"
        return code

    # --- tables --------------------------------------------------------------------------------

    def rodata(self, address):
        banner = (f"Linux version {self.layout.version} (nobody@nowhere) (gcc 12) "
                  "#1 SMP PREEMPT_DYNAMIC\n\0").encode()  # fmt: skip
        if not self.banner:
            banner = b"a kernel of another kind\0"
        self.labels["linux_banner"] = address
        self.symbols.append(("linux_banner", "D"))
        file_name = b"kernel/sched/core.c\0"
        self.labels["file_name"] = address + len(banner)
        return banner + file_name

    def exceptions(self, address):
        table = b""
        for number in range(self.functions + 1):
            place = address + len(table)
            code, fixup = self.at(f"exception{number}"), self.at(f"fixup{number}")
            if self.layout.exceptions == "absolute-8":
                table += self.word(code) + self.word(fixup)
                continue
            table += self.relative(code, place) + self.relative(fixup, place + 4)
            if self.layout.exceptions == "relative-12":
                # From 5.16 a type, before that the relative address of a handler.
                recent = self.layout.version[0] == "6"
                table += struct.pack("<I", 1) if recent else self.relative(self.at("_stext"), place + 8)
        return table

    def alternatives(self, address):
        table = b""
        for number in range(self.functions):
            place = address + len(table)
            site, other = self.at(f"site{number}"), self.at(f"replacement{number}")
            length = 3 if number % 2 else 2
            feature = 9 * 32 + 20
            if self.layout.alternatives == "absolute-12":
                table += self.word(site) + self.word(other)
                if self.layout.version.startswith("2.6.1"):
                    table += struct.pack("<BBBB", 25, 3, length, 0)
                else:
                    table += struct.pack("<HBB", feature, 3, length)
                table += b"\0" * (-len(table) % (self.layout.bits // 8))
                continue
            table += self.relative(site, place) + self.relative(other, place + 4)
            if self.layout.alternatives == "relative-14":
                table += struct.pack("<HHBB", feature, 0, 3, length)
            else:
                table += struct.pack("<HBB", feature, 3, length)
                table += b"\0" if self.layout.alternatives == "relative-13" else b""
        return table

    def paravirt(self, _):
        table = self.word(self.at("paravirt0")) + struct.pack("<BBH", 2, 6, 0)
        return table + b"\0" * (-len(table) % (self.layout.bits // 8))

    def smp_locks(self, address):
        table = b""
        for number in range(self.functions):
            target = self.at(f"lock{number}")
            absolute = self.layout.smp_locks == "absolute"
            table += self.word(target) if absolute else self.relative(target, address + len(table))
        return table

    def bugs(self, address):
        table = b""
        for number in range(self.functions):
            place = address + len(table)
            code, name = self.at(f"bug{number}"), self.at("file_name")
            if self.layout.bits == 32:
                table += self.word(code) + self.word(name)
            else:
                table += self.relative(code, place) + self.relative(name, place + 4)
            table += struct.pack("<HH", 100 + number, 0x801)
        return table

    def bound(self, name, address, table):
        """Symbols around a table, as asm-generic/vmlinux.lds.h has them."""
        if self.boundaries:
            for word, place in (("start", address), ("stop", address + len(table))):
                self.labels[f"__{word}_{name}"] = place
                self.symbols.append((f"__{word}_{name}", "D"))
        return table

    def jump_labels(self, address):
        table = b""
        for number in range(self.functions):
            place = address + len(table)
            code, target = self.at(f"jump{number}"), self.at(f"target{number}")
            key = self.at("static_keys")
            if self.layout.jump_labels == "absolute":
                table += self.word(code) + self.word(target) + self.word(key)
            else:
                table += self.relative(code, place) + self.relative(target, place + 4)
                table += self.word(key - place - 8)
        return self.bound("__jump_table", address, table)

    # Two that are in every kernel's list of functions that kprobes keep off.
    KPROBE_FUNCTIONS = ("get_kprobe", "kprobe_exceptions_notify")

    def kprobe_blacklist(self, address):
        if self.layout.version[0] in "23":  # from 3.16
            return b""
        names = [f"function_{number:02d}" for number in range(4, 16)] + list(self.KPROBE_FUNCTIONS)
        table = b"".join(self.word(self.at(name)) for name in names)
        return self.bound("kprobe_blacklist", address, table)

    def static_calls(self, address):
        """Calls of trampolines: 64-bit kernels only, from 5.10."""
        table = b""
        if self.layout.bits == 64 and self.layout.version[0] in "56":
            for number in range(self.functions):
                place = address + len(table)
                key = self.at("static_keys") | number % 4
                table += self.relative(self.at(f"static_call{number}"), place)
                table += self.relative(key, place + 4)
        return table

    def mcount(self, address):
        table = b"".join(self.word(self.at(f"mcount{n}")) for n in range(self.functions))
        return self.bound("mcount_loc", address, table)

    def pci_fixups(self, address):
        table = b""
        for number in range(3):
            table += struct.pack("<HHII", 0x8086, 0x1230 + number, 0xFFFFFFFF, 0)
            recent = self.layout.version[0] in "56"
            if not recent:  # a pointer, aligned as such
                table += b"\0" * (-len(table) % (self.layout.bits // 8))
            hook = self.at(f"function_{number:02d}")
            if recent:
                table += self.relative(hook, address + len(table))
            else:
                table += self.word(hook)
        return table

    EXPORTS = ("__FIXADDR_TOP", "init_task", "panic", "pv_ops")

    def export_strings(self, address):
        table = b""
        for name in self.EXPORTS:
            self.labels["string " + name] = address + len(table)
            table += name.encode() + b"\0"
        self.labels["string "] = address + len(table)
        return table + b"\0"

    def exports(self, address):
        table = b""
        for name in self.EXPORTS:
            place = address + len(table)
            value, string = self.at(name), self.at("string " + name)
            if self.layout.exports == "absolute-8":
                table += self.word(value) + self.word(string)
                continue
            table += self.relative(value, place) + self.relative(string, place + 4)
            if self.layout.exports == "relative-12":
                table += self.relative(self.at("string "), place + 8)
        return table

    def data(self, address):
        for number, name in enumerate(("__FIXADDR_TOP", "init_task", "panic", "pv_ops",
                                       "static_keys", "__ksymtab_gpl_data")):  # fmt: skip
            self.labels[name] = address + 16 * number
            self.symbols.append((name, "D"))
        return b"\0\xf0\xff\xff" + bytes(16 * 6 - 4)

    def notes(self, _):
        def note(owner, kind, content):
            owner += b"\0"
            head = struct.pack("<III", len(owner), len(content), kind)
            return head + owner + b"\0" * (-len(owner) % 4) + content + b"\0" * (-len(content) % 4)

        return (note(b"GNU", 3, bytes(range(0x40, 0x54))) + note(b"Xen", 18, self.word(0x1000000))
                + note(b"Linux", 0x100, b"\0"))  # fmt: skip

    # --- kallsyms ------------------------------------------------------------------------------

    MERGED = {0x80: "function_", 0x81: "__", 0x82: "start", 0x83: "text", 0xFF: "native_"}

    def kallsyms(self, address):
        """The block that scripts/kallsyms.c writes, in the order of its version."""
        if self.layout.kallsyms == "stem":
            return self.stem_kallsyms()
        align = self.layout.bits // 8
        names = sorted((self.at(name), kind, name) for name, kind in self.symbols)
        blob = bytearray()

        def pad():
            blob.extend(b"\0" * (-(address + len(blob)) % align))

        def offsets():
            for value, _, _ in names:
                blob.extend(struct.pack("<I", (value - self.base()) & 0xFFFFFFFF))
            pad()
            blob.extend(self.word(self.base()))
            pad()

        compressed, markers = b"", []
        for number, (_, kind, name) in enumerate(names):
            if number % 256 == 0:
                markers.append(len(compressed))
            tokens = self.tokens(kind + name)
            compressed += bytes([len(tokens)]) + tokens

        table, index = b"", []
        for token in range(256):
            index.append(len(table))
            text = self.MERGED.get(token, chr(token) if 0x20 < token < 0x7F else "")
            table += text.encode() + b"\0"

        style = self.layout.kallsyms
        if style == "absolute":
            for value, _, _ in names:
                blob.extend(self.word(value))
            pad()
        elif style != "relative-6.4":
            offsets()
        blob.extend(struct.pack("<I", len(names)))
        pad()
        blob.extend(compressed)
        pad()
        for marker in markers:
            wide = style in ("absolute", "relative-4.6")
            blob.extend(self.word(marker) if wide else struct.pack("<I", marker))
        pad()
        if style == "relative-6.2":
            blob.extend(b"".join(struct.pack(">I", n)[1:] for n in range(len(names))))
            pad()
        blob.extend(table)
        pad()
        blob.extend(struct.pack("<256H", *index))
        pad()
        if style == "relative-6.4":
            offsets()
            blob.extend(b"".join(struct.pack(">I", n)[1:] for n in range(len(names))))
        return bytes(blob)

    def stem_kallsyms(self):
        """Up to Linux 2.6.9: addresses, their number, and names that say how many characters they
        share with the name before."""
        names = sorted((self.at(name), name) for name, _ in self.symbols)
        blob = b"".join(self.word(value) for value, _ in names) + self.word(len(names))
        before = ""
        for _, name in names:
            stem = 0
            while stem < min(len(name), len(before)) and name[stem] == before[stem]:
                stem += 1
            blob += bytes([stem]) + name[stem:].encode() + b"\0"
            before = name
        return blob

    def tokens(self, text):
        out = b""
        while text:
            for token, merged in self.MERGED.items():
                if text.startswith(merged):
                    out += bytes([token])
                    text = text[len(merged) :]
                    break
            else:
                out += text[0].encode()
                text = text[1:]
        return out

    # --- the whole -----------------------------------------------------------------------------

    # name, maker, kind, flags; the second group is the writable segment.
    PLAN = (
        ((".text", "text", PROGBITS, ALLOC | EXECUTE, 16),
         (".rodata", "rodata", PROGBITS, ALLOC, 16),
         (".rodata.kallsyms", "kallsyms", PROGBITS, ALLOC, 16),
         (".rodata.jump_labels", "jump_labels", PROGBITS, ALLOC, 8),
         (".rodata.static_calls", "static_calls", PROGBITS, ALLOC, 8),
         (".pci_fixup", "pci_fixups", PROGBITS, ALLOC, 16),
         ("__ksymtab_strings", "export_strings", PROGBITS, ALLOC, 1),
         ("__ksymtab", "exports", PROGBITS, ALLOC, 4),
         ("__ex_table", "exceptions", PROGBITS, ALLOC, 4),
         (".notes", "notes", NOTE, ALLOC, 4)),
        ((".data", "data", PROGBITS, ALLOC | WRITE, 16),
         ("__bug_table", "bugs", PROGBITS, ALLOC | WRITE, 4),
         (".init.text", "init_text", PROGBITS, ALLOC | EXECUTE, 16),
         (".init.data.mcount", "mcount", PROGBITS, ALLOC | WRITE, 8),
         (".init.data.kprobes", "kprobe_blacklist", PROGBITS, ALLOC | WRITE, 64),
         (".parainstructions", "paravirt", PROGBITS, ALLOC, 8),
         (".altinstructions", "alternatives", PROGBITS, ALLOC, 8),
         (".altinstr_replacement", "replacements", PROGBITS, ALLOC | EXECUTE, 16),
         (".smp_locks", "smp_locks", PROGBITS, ALLOC, 4)),
    )  # fmt: skip
    # In a stock kernel these have neither a section of their own nor a symbol: they are merged
    # with the section before.
    MERGED_SECTIONS = {".rodata.kallsyms": ".rodata", ".rodata.jump_labels": ".rodata",
                       ".rodata.static_calls": ".rodata", ".init.data.mcount": ".init.data",
                       ".init.data.kprobes": ".init.data"}  # fmt: skip

    def build_groups(self):
        groups = []
        address = self.base()
        for plan in self.PLAN:
            group = []
            for name, maker, kind, flags, align in plan:
                address += -address % align
                content = getattr(self, maker)(address)
                section = Section(name, kind, flags, content, align, address)
                merged = self.MERGED_SECTIONS.get(name, name)
                if group and group[-1].name == merged:
                    before = group[-1]
                    gap = address - before.address - len(before.content)
                    before.content += b"\0" * gap + content
                else:
                    section.name = merged
                    group.append(section)
                address += len(content)
            groups.append(group)
            address += -address % 0x1000 + 0x1000
        return groups

    def build(self, symtab=False, sections=True, multiboot=0):
        """The ELF's bytes."""
        groups = self.build_groups()
        self.symbols.clear()
        groups = self.build_groups()
        return write_elf(self, groups, symtab, sections, multiboot)

    def relocations(self):
        """The table that Linux appends to a relocatable kernel (arch/x86/tools/relocs.c): places of
        absolute words, in lists that a zero begins."""
        places = [self.at("paravirt0") + 2] if self.layout.bits == 32 else [self.at("linux_banner")]
        places += [self.at("static_keys"), self.at("init_task")]
        words = b"".join(struct.pack("<I", place & 0xFFFFFFFF) for place in places)
        if self.layout.bits == 32:
            return struct.pack("<I", 0) + words
        last = struct.pack("<I", (self.at("panic")) & 0xFFFFFFFF)
        return struct.pack("<I", 0) + words + struct.pack("<I", 0) + struct.pack("<I", 0) + last

    def elf_relocations(self):
        """What ld --emit-relocs keeps for .text: a word and a branch, against the first symbols."""
        word, branch = self.at("paravirt0") + 2, self.at("mcount0") + 1
        if self.layout.bits == 32:
            return struct.pack("<IIII", word, 1 << 8 | 1, branch, 2 << 8 | 2)
        return struct.pack("<QQqQQq", word, 1 << 32 | 11, 0, branch, 2 << 32 | 2, -4)


def elf_symbols(kernel, sections):
    """.symtab and .strtab of the kernel's symbols."""
    names = b"\0"
    bits = kernel.layout.bits
    entries = bytes(16 if bits == 32 else 24)
    # Local symbols come first; .symtab's sh_info says how many.
    local_first = sorted(kernel.symbols, key=lambda symbol: symbol[1].isupper())
    for name, kind in local_first:
        value = kernel.at(name)
        index = next((number for number, section in enumerate(sections, 1)
                      if section.address <= value < section.address + len(section.content)),
                     0xFFF1)  # fmt: skip
        info = (0 if kind.islower() else 0x10) | (2 if kind in "tT" else 1)
        size = 16 if kind in "tT" else 4
        if bits == 32:
            entries += struct.pack("<IIIBBH", len(names), value, size, info, 0, index)
        else:
            entries += struct.pack("<IBBHQQ", len(names), info, 0, index, value, size)
        names += name.encode() + b"\0"
    return entries, names, 1 + sum(kind.islower() for _, kind in kernel.symbols)


def write_elf(kernel, groups, symtab, with_sections, multiboot):
    """Lays the groups out as one PT_LOAD each, and a PT_NOTE."""
    bits = kernel.layout.bits
    header_size, program_size, symbol_size = (52, 32, 16) if bits == 32 else (64, 56, 24)
    out = bytearray(header_size + program_size * (len(groups) + 1))
    if multiboot == 1:
        flags = 3
        out += struct.pack("<III", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF)
    elif multiboot == 2:
        out += b"\0" * (-len(out) % 8)
        checksum = -(0xE85250D6 + 24) & 0xFFFFFFFF
        out += struct.pack("<IIIIHHI", 0xE85250D6, 0, 24, checksum, 0, 0, 8)
    programs = []
    for group in groups:
        out += b"\0" * (-(len(out) - group[0].address) % 16)
        start = len(out)
        for section in group:
            section.offset = start + section.address - group[0].address
            out += b"\0" * (section.offset - len(out)) + section.content
        flags = 5 if not programs else 7
        programs.append((1, flags, start, group[0].address, len(out) - start, 16))
        for section in group:
            if section.kind == NOTE:
                note = (4, 4, section.offset, section.address, len(section.content), 4)
    programs.append(note)

    sections = [section for group in groups for section in group]
    sections.append(Section(".bss", NOBITS, ALLOC | WRITE, b"", 16,
                            sections[-1].address + 0x1000, len(out), size=0x2000))  # fmt: skip
    if symtab:
        entries, names, local_count = elf_symbols(kernel, sections)
        link = len(sections) + 2
        for section in (Section(".symtab", SYMTAB, 0, entries, link=link,
                                info=local_count, entry_size=symbol_size),
                        Section(".strtab", STRTAB, 0, names)):  # fmt: skip
            section.offset = len(out)
            out += section.content
            sections.append(section)
        rel = kernel.elf_relocations()
        name, kind, size = (".rel.text", REL, 8) if bits == 32 else (".rela.text", RELA, 24)
        section = Section(name, kind, 0, rel, link=link - 1, info=1, entry_size=size)
        section.offset = len(out)
        out += rel
        sections.append(section)
    section_offset = section_count = 0
    if with_sections:
        section_offset, section_count = write_section_headers(out, sections, bits)

    offset = header_size
    physical = 0x1000000 - kernel.base()
    for kind, flags, start, address, size, align in programs:
        memory = size + (0x3000 if flags == 7 else 0)
        if bits == 32:
            struct.pack_into("<8I", out, offset, kind, start, address,
                             address + physical, size, memory, flags, align)  # fmt: skip
        else:
            struct.pack_into("<IIQQQQQQ", out, offset, kind, flags, start, address,
                             address + physical, size, memory, align)  # fmt: skip
        offset += program_size
    identification = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    out[:16] = identification
    struct.pack_into("<HHI" + ("III" if bits == 32 else "QQQ") + "IHHHHHH", out, 16, 2,
                     3 if bits == 32 else 62, 1, 0x1000000, header_size, section_offset, 0,
                     header_size, program_size, len(programs),
                     (40 if bits == 32 else 64) if section_count else 0, section_count,
                     section_count - 1 if section_count else 0)  # fmt: skip
    return bytes(out)


def write_section_headers(out, sections, bits):
    """Appends .shstrtab and the section headers; their offset and count."""
    names = b"\0"
    sections = sections + [Section(".shstrtab", STRTAB, 0, b"")]
    positions = []
    for section in sections:
        positions.append(len(names))
        names += section.name.encode() + b"\0"
    sections[-1].content = names
    sections[-1].offset = len(out)
    out += names + b"\0" * (-(len(out) + len(names)) % 8)
    offset = len(out)
    out += bytes(40 if bits == 32 else 64)
    form = "<10I" if bits == 32 else "<IIQQQQIIQQ"
    for position, section in zip(positions, sections):
        size = section.size if section.kind == NOBITS else len(section.content)
        out += struct.pack(form, position, section.kind, section.flags, section.address,
                           section.offset, size, section.link, section.info, section.align,
                           section.entry_size)  # fmt: skip
    return offset, len(sections) + 1
