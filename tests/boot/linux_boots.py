# SPDX-License-Identifier: BSD-2-Clause
"""Booting Linux from the cache to the initramfs's user land, and judging what it said."""

import os
import pathlib
import subprocess
import tempfile
from typing import NamedTuple

import boots

POSTBURN = pathlib.Path(os.environ.get("POSTBURN", "build/postburn"))


class Case(NamedTuple):
    """One boot of a kernel in the cache; what its user land may skip, and how it ends."""
    kernel: str
    skipped: tuple = ()
    options: tuple = ()
    status: int = 0
    cpu: str = "qemu32"
    rom: str = ""  # rewritten for this ROM before the boot

    @property
    def name(self):
        return " ".join([self.kernel, *self.options, *([self.rom, self.cpu] if self.rom else [])])


# Lines of user land besides `userland: ok - NAME`, in their order: tests/boot/userland/init.
FRAME = ["userland: begin", "userland: PASS",
         "userland: shell 500500 10, crashes in the log 1", "userland: end 0"]
TESTS = 14


def judge(case, boot):
    lines = [line for line in boot.lines if line.startswith("userland: ")]
    results = [line for line in lines if " - " in line]
    problems = []
    if boot.status != case.status:
        problems.append(f"exit status {boot.status}, expected {case.status}")
    if [line for line in lines if line not in results] != FRAME:
        problems.append("user land did not say: " + "; ".join(FRAME))
    if len(results) != TESTS:
        problems.append(f"{len(results)} tests of user land, expected {TESTS}")
    for line in results:
        verdict, name = line.removeprefix("userland: ").split(" - ", 1)
        if verdict != "ok" and not (verdict == "skip" and name in case.skipped):
            problems.append(line)
    return problems


def boot_and_judge(case, kernel, initrd):
    append = " ".join(["console=ttyS0", *case.options])
    boot = boots.Boot("--clock=instructions", "--timeout=240", "--silence=90", "--memory=512",
                      f"--append={append}", f"--cpu={case.cpu}", f"--initrd={initrd}", kernel)
    return judge(case, boot), boot


def check_rewritten(case, kernel, initrd):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "kernel"
        done = subprocess.run([POSTBURN, "patch", f"--rom={case.rom}", "-o", output, kernel],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return [f"patch: exit status {done.returncode}", *done.stderr.splitlines()], None
        return boot_and_judge(case, output, initrd)


def check(case):
    """For boots.run_cases(): what went wrong, and the boot."""
    kernel = next(iter(sorted(boots.CACHE.glob(case.kernel))), None)
    if kernel is None:
        raise boots.Skip(f"no {case.kernel} in the cache")
    made = subprocess.run([boots.TOOLS / "initramfs"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise boots.Skip(made.stderr.strip().replace("\n", " "))
    if case.rom:
        return check_rewritten(case, kernel, made.stdout.strip())
    return boot_and_judge(case, kernel, made.stdout.strip())
