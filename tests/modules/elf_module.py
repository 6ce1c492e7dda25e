# SPDX-License-Identifier: BSD-2-Clause
"""Modules as Linux's loader sees them (6.1: kernel/module/main.c, arch/x86/kernel/module.c)."""

import struct
import zlib

SHT_PROGBITS, SHT_SYMTAB, SHT_NOTE, SHT_NOBITS, SHT_REL = 1, 2, 7, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHN_UNDEF, SHN_ABS = 0, 0xfff1
R_386_32, R_386_PC32, R_386_PLT32 = 1, 2, 4
SITE = struct.Struct("<IIIHBBB15s")
METHODS = ["native", "in place", "springboard", "hop", "retarget", "trap", "inert"]


class Section:
    """A section header, and its bytes."""

    def __init__(self, data, at):
        (self.name, self.type, self.flags, _, self.offset, self.size, self.link, self.info,
         self.alignment, _) = struct.unpack_from("<10I", data, at)
        self.bytes = (b"" if self.type in (0, SHT_NOBITS)
                      else data[self.offset:self.offset + self.size])


class Module:
    """A module's file."""

    def __init__(self, data):
        self.type, self.machine = struct.unpack_from("<HH", data, 16)
        table, = struct.unpack_from("<I", data, 32)
        size, count, names = struct.unpack_from("<HHH", data, 46)
        assert data[:5] == b"\x7fELF\x01" and self.type == 1 and size == 40
        self.sections = [Section(data, table + 40 * i) for i in range(count)]
        for section in self.sections:
            section.name = self.string(self.sections[names], section.name)
        self.symbol_section = next(s for s in self.sections if s.type == SHT_SYMTAB)
        strings = self.sections[self.symbol_section.link]
        self.symbols = []
        for name, value, size, info, _, section in struct.iter_unpack("<IIIBBH",
                                                                      self.symbol_section.bytes):
            self.symbols.append((self.string(strings, name), value, size, info, section))

    @staticmethod
    def string(section, offset):
        return section.bytes[offset:section.bytes.index(b"\0", offset)].decode()

    def section(self, name):
        return next((i for i, s in enumerate(self.sections) if s.name == name), None)

    def relocations(self):
        """(section, offset, type, symbol) of all tables, as the loader walks them."""
        for table in self.sections:
            if table.type == SHT_REL:
                for offset, info in struct.iter_unpack("<II", table.bytes):
                    yield table.info, offset, info & 0xff, info >> 8

    def load(self, place):
        """The module at the addresses that place(number, section) gives; what is not loaded has
        relocations applied too, if it has an address."""
        return Loaded(self, place)


class Loaded:
    """A module in memory."""

    def __init__(self, module, place):
        self.module = module
        self.address = [place(i, s) for i, s in enumerate(module.sections)]
        self.memory = [bytearray(s.bytes) if s.type != SHT_NOBITS else bytearray(s.size)
                       for s in module.sections]
        self.values = [self.value(*symbol) for symbol in module.symbols]
        for section, offset, kind, symbol in module.relocations():
            if self.address[section] is not None:
                self.relocate(section, offset, kind, self.values[symbol])

    def value(self, name, value, _size, _info, section):
        if section == SHN_UNDEF:  # in the kernel: anywhere, but always there
            return 0xc1000000 + (zlib.crc32(name.encode()) & 0xfffff0) if name else 0
        if section >= 0xff00:
            assert section == SHN_ABS
            return value
        return ((self.address[section] or 0) + value) & 0xffffffff

    def relocate(self, section, offset, kind, value):
        memory = self.memory[section]
        assert offset + 4 <= len(memory)
        word, = struct.unpack_from("<I", memory, offset)
        word += value
        if kind in (R_386_PC32, R_386_PLT32):
            word -= self.address[section] + offset
        else:
            assert kind == R_386_32
        struct.pack_into("<I", memory, offset, word & 0xffffffff)

    def find(self, address):
        """(section, offset) of an address, or None."""
        for i, start in enumerate(self.address):
            if start is not None and 0 <= address - start < len(self.memory[i]):
                return i, address - start
        return None

    def sites(self):
        number = self.module.section(".postburn.sites")
        if number is None:
            return []
        return [dict(zip(("address", "window", "springboard", "call", "method", "length",
                          "window_length", "original"), fields))
                for fields in SITE.iter_unpack(self.memory[number])]
