# SPDX-License-Identifier: BSD-2-Clause
"""Booting Linux from the cache to the initramfs's user land, and judging what it said."""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile
from typing import NamedTuple

import boots
import consoles

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
import unpack_kernel  # noqa: E402

POSTBURN = pathlib.Path(os.environ.get("POSTBURN", "build/postburn"))
BUILD = pathlib.Path(os.environ.get("POSTBURN_BUILD", "build"))

# What user land skips without Linux's tracers, and where it shall not rewrite the kernel at all.
WITHOUT_TRACING = ("function tracer", "function graph tracer", "tracepoints", "probes")
NO_TURNS = ("jump labels", *WITHOUT_TRACING)


class Case(NamedTuple):
    """One boot of a kernel in the cache; what its user land may skip, and how it ends."""
    kernel: str
    skipped: tuple = ()
    options: tuple = ()
    status: int = 0
    cpu: str = "qemu32"
    cpus: int = 1
    rom: str = ""  # rewritten for this ROM before the boot
    compared: bool = False  # its console with that of the unpatched kernel

    @property
    def name(self):
        words = [self.kernel, *self.options]
        if self.rom:
            words += [self.rom, self.cpu]
        if self.cpus > 1:
            words.append(f"{self.cpus} processors")
        if self.compared:
            words.append("console as before")
        return " ".join(words)


TESTS = 19


def frame(case):
    """Lines of user land besides `userland: ok - NAME`, in their order: tests/boot/userland/init."""
    return ["userland: begin", "userland: PASS",
            f"userland: shell 500500 10, processors {case.cpus}, crashes in the log 1",
            "userland: end 0"]


def judge(case, boot):
    lines = [line for line in boot.lines if line.startswith("userland: ")]
    results = [line for line in lines if " - " in line]
    problems = []
    if boot.status != case.status:
        problems.append(f"exit status {boot.status}, expected {case.status}")
    if [line for line in lines if line not in results] != frame(case):
        problems.append("user land did not say: " + "; ".join(frame(case)))
    if len(results) != TESTS:
        problems.append(f"{len(results)} tests of user land, expected {TESTS}")
    for line in results:
        verdict, name = line.removeprefix("userland: ").split(" - ", 1)
        if verdict != "ok" and not (verdict == "skip" and name in case.skipped):
            problems.append(line)
    return problems


def boot_kernel(case, kernel, initrd):
    """
    One boot. The clock counts instructions, so that a busy machine changes nothing. qemu 7.2 cannot
    do that with several processors, whose start then never ends: there the clock is the real one, and
    Linux told not to try whether the timer ticks as fast as it should (no_timer_check).
    """
    append = ["console=ttyS0", *case.options]
    clock = "instructions"
    if case.compared:
        append.append("userland_sleep=2")
    if case.cpus > 1:
        append.append("no_timer_check")
        clock = "real"
    return boots.Boot(f"--clock={clock}", "--timeout=300", "--silence=120", "--memory=512",
                      f"--append={' '.join(append)}", f"--cpu={case.cpu}", f"--cpus={case.cpus}",
                      f"--initrd={initrd}", kernel)


def patch(rom, kernel, output):
    """What went wrong, as lines."""
    done = subprocess.run([POSTBURN, "patch", f"--rom={rom}", "-o", output, kernel],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    return [f"patch: exit status {done.returncode}", *done.stderr.splitlines()]


# An ELF note named Xen of type XEN_ELFNOTE_PHYS32_ENTRY: Xen's public/elfnote.h.
PVH_NOTE = struct.pack("<III", 4, 4, 18) + b"Xen\0"


def unpatched(kernel, folder):
    """
    The kernel as an ELF that is entered through PVH, and what went wrong. One without a PVH entry
    gets the native ROM's and nothing else.
    """
    path = folder / "unpatched"
    elf = unpack_kernel.elf_of(kernel)
    path.write_bytes(elf)
    if PVH_NOTE in elf:
        return path, []
    entered = folder / "entered"
    return entered, patch(BUILD / "tests" / "boot" / "entry-only.rom", path, entered)


def compare_consoles(case, boot, kernel, initrd, folder):
    path, problems = unpatched(kernel, folder)
    if problems:
        return problems
    before = boot_kernel(case, path, initrd)
    problems = judge(case, before)
    if problems:
        return ["the unpatched kernel: ", *problems]
    return consoles.compare(before.lines, boot.lines)


def check_rewritten(case, kernel, initrd):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        problems = patch(case.rom, kernel, folder / "kernel")
        if problems:
            return problems, None
        boot = boot_kernel(case, folder / "kernel", initrd)
        problems = judge(case, boot)
        if case.compared and not problems:
            problems = compare_consoles(case, boot, kernel, initrd, folder)
        return problems, boot


def check(case):
    """For boots.run_cases(): what went wrong, and the boot."""
    kernel = next(iter(sorted(boots.CACHE.glob(case.kernel))), None)
    if kernel is None:
        raise boots.Skip(f"no {case.kernel} in the cache")
    made = subprocess.run([boots.TOOLS / "initramfs"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise boots.Skip(made.stderr.strip().replace("\n", " "))
    initrd = made.stdout.strip()
    if case.rom:
        return check_rewritten(case, kernel, initrd)
    boot = boot_kernel(case, kernel, initrd)
    return judge(case, boot), boot
