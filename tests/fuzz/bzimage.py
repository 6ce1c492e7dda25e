# SPDX-License-Identifier: BSD-2-Clause
"""Packs a kernel as Linux's build does: the compressions of scripts/Makefile.lib, and the boot
header of Documentation/arch/x86/boot.rst. lzo, lz4 and zstd only as stored blocks, which need no
compressor."""

import bz2
import gzip
import lzma
import struct
import zlib


def _lzo(content):
    """lzop's container (lzop 1.04 conf.h; Linux lib/decompress_unlzo.c) of stored blocks."""
    header = struct.pack(">HHHBBIIIIB", 0x1030, 0x20A0, 0x0940, 1, 5, 1, 0o100644, 0, 0, 0)
    out = b"\x89LZO\x00\r\n\x1a\n" + header + struct.pack(">I", zlib.adler32(header))
    for start in range(0, len(content), 256 << 10):
        block = content[start : start + (256 << 10)]
        out += struct.pack(">III", len(block), len(block), zlib.adler32(block)) + block
    return out + struct.pack(">I", 0)


def _lz4(content):
    """The legacy frame with one block of literals only."""
    length = len(content)
    block = bytes([min(length, 15) << 4])
    if length >= 15:
        block += b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])
    block += content
    return struct.pack("<II", 0x184C2102, len(block)) + block


def _zstd(content):
    """One frame (RFC 8878) of raw blocks, single segment, four bytes of content size."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(content))
    starts = range(0, len(content), 1 << 17)
    for start in starts:
        block = content[start : start + (1 << 17)]
        last = start == starts[-1]
        out += struct.pack("<I", last | len(block) << 3)[:3] + block
    return out


COMPRESSIONS = {
    "gzip": lambda content: gzip.compress(content, 9, mtime=0),
    "gzip-stored": lambda content: gzip.compress(content, 0, mtime=0),
    "bzip2": lambda content: bz2.compress(content, 1),
    "lzma": lambda content: lzma.compress(
        content, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]
    ),
    "xz": lambda content: lzma.compress(
        content,
        lzma.FORMAT_XZ,
        lzma.CHECK_CRC32,
        filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}],
    ),
    "lzo": _lzo,
    "lz4": _lz4,
    "zstd": _zstd,
}


def pack(content, compression, version=0x20F, claimed=None):
    """A bzImage whose payload is content. claimed: the unpacked size it states, if another."""
    payload = COMPRESSIONS[compression](content)
    size = struct.pack("<I", len(content) if claimed is None else claimed)
    if not compression.startswith("gzip"):
        payload += size
    elif claimed is not None:
        payload = payload[:-4] + size
    sectors = 1
    setup = bytearray((sectors + 1) * 512)
    setup[0x1F1] = sectors
    setup[0x1FE:0x206] = b"\x55\xaa\xeb\x66HdrS"
    struct.pack_into("<H", setup, 0x206, version)
    stub = b"\xfa\xfc\xf4" + bytes(13)
    if version >= 0x208:
        struct.pack_into("<II", setup, 0x248, len(stub), len(payload))
    return bytes(setup) + stub + payload + bytes(16)
