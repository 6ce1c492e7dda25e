# SPDX-License-Identifier: BSD-2-Clause
"""A kernel's ELF out of a bzImage, by Linux's Documentation/arch/x86/boot.rst alone: the second
opinion on what postburn's own reader unpacks. Payloads that Python's standard library knows."""

import bz2
import lzma
import struct
import zlib


class UnpackError(Exception):
    """The file is no bzImage of a known kind."""


def _xz(payload):
    return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)


def _lzma(payload):
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(payload)


def _gzip(payload):
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(payload)


def _bzip2(payload):
    return bz2.BZ2Decompressor().decompress(payload)


DECOMPRESSORS = (
    (b"\xfd7zXZ\x00", _xz),
    (b"\x5d\x00\x00", _lzma),
    (b"\x1f\x8b", _gzip),
    (b"BZh", _bzip2),
)


def unpack(image):
    """The payload of the bzImage's bytes: an ELF, and what Linux appends to it."""
    if image[0x1FE:0x200] != b"\x55\xaa" or image[0x202:0x206] != b"HdrS":
        raise UnpackError("no Linux boot header")
    (version,) = struct.unpack_from("<H", image, 0x206)
    if version < 0x208:
        raise UnpackError(f"boot protocol {version:#x} has no payload_offset")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length]
    for magic, decompress in DECOMPRESSORS:
        if payload.startswith(magic):
            return decompress(payload)
    raise UnpackError(f"payload begins with {payload[:6].hex()}")


def elf_of(path):
    """The ELF's bytes, whether the file is one or a bzImage."""
    with open(path, "rb") as file:
        image = file.read()
    return image if image.startswith(b"\x7fELF") else unpack(image)
