# SPDX-License-Identifier: BSD-2-Clause
"""What the boot tests have in common: booting, and saying the result in TAP."""

import concurrent.futures
import os
import pathlib
import subprocess

TOOLS = pathlib.Path(__file__).resolve().parent.parent.parent / "tools"
GUESTS = pathlib.Path(os.environ.get("POSTBURN_BUILD", "build")) / "tests" / "guests"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "postburn"

# Boots at a time. A boot keeps one processor busy.
JOBS = 2


class Boot:
    """One finished run of tools/boot: its status, the console's lines, its own last line."""

    def __init__(self, *arguments):
        done = subprocess.run([TOOLS / "boot", *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        console = done.stdout.decode("utf-8", "replace").replace("\r", "")
        self.status = done.returncode
        self.lines = console.splitlines()
        self.errors = done.stderr.decode("utf-8", "replace").splitlines()
        self.verdict = self.errors[-1] if self.errors else ""

    def report(self):
        """What a reader of a failed test wants to see."""
        lines = [line for line in self.lines if not line.startswith("ok ")]
        return [*lines[-30:], *self.errors[-40:]]


class Skip(Exception):
    """A case that cannot be run here; the text says why."""


def say(number, name, problems, boot=None):
    """The TAP of one case."""
    print(f"{'not ok' if problems else 'ok'} {number} - {name}", flush=True)
    for line in [*problems, *(boot.report() if boot else [])] if problems else []:
        print(f"#   {line}", flush=True)


def run_cases(cases, check, last=None):
    """
    Runs check(case) for each of `cases`, which have a `name`, and prints TAP. check returns a list
    of what went wrong (empty: passed) and the Boot or None, or raises Skip. `last` is a name and a
    function: what went wrong in all cases together, which is asked if none was skipped.
    """
    failed = skipped = False
    print(f"1..{len(cases) + (last is not None)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        futures = [pool.submit(check, case) for case in cases]
        for number, (case, future) in enumerate(zip(cases, futures), 1):
            try:
                problems, boot = future.result()
            except Skip as reason:
                print(f"ok {number} - {case.name} # SKIP {reason}", flush=True)
                skipped = True
                continue
            say(number, case.name, problems, boot)
            failed |= bool(problems)
    if last and skipped:
        print(f"ok {len(cases) + 1} - {last[0]} # SKIP some cases were", flush=True)
    elif last:
        problems = last[1]()
        say(len(cases) + 1, last[0], problems)
        failed |= bool(problems)
    return 1 if failed else 0
