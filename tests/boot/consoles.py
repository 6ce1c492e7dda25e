# SPDX-License-Identifier: BSD-2-Clause
"""
The consoles of an unpatched and a rewritten kernel: they must be equal, apart from times and from
the lines that tests/boot/console_differences explains. A line of that file is

  SIDE PATTERN

with the reason on the lines after it, which begin with a tab. SIDE is `-` for a line that only the
unpatched kernel says, `+` for one that only the rewritten one says, `~` for a line of both where
what the pattern's groups match may differ, `t` for one where these are times, which may happen to be
equal; `m` for a line that may stand elsewhere. `t` and `m` are not needed every time; the others are
of no use where no comparison needs them. PATTERN is a regular expression for the whole line,
without the kernel's time stamp.
"""

import difflib
import pathlib
import re

PATH = pathlib.Path(__file__).resolve().parent / "console_differences"
TIME_STAMP = re.compile(r"^\[ *\d+\.\d+\] ")


class Explanation:
    """One line of the file, and whether a console ever needed it."""

    def __init__(self, side, pattern):
        self.side = side
        self.text = f"{side} {pattern}"
        self.pattern = re.compile(pattern)
        self.reason = ""
        self.needed = False

    def mask(self, line):
        """The line without what the groups match; the line itself if the pattern does not fit."""
        match = self.pattern.fullmatch(line)
        if not match:
            return line
        for group in range(self.pattern.groups, 0, -1):
            start, end = match.span(group)
            line = f"{line[:start]}...{line[end:]}"
        return line


def read_explanations():
    explanations = []
    for number, line in enumerate(PATH.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("\t") and explanations:
            explanations[-1].reason += line.strip() + " "
        elif line and not line.startswith("#"):
            side, _, pattern = line.partition(" ")
            masks = re.compile(pattern).groups > 0
            if side not in ("~", "t") if masks else side not in ("-", "+", "m"):
                raise ValueError(f"{PATH.name}:{number}: no SIDE PATTERN")
            explanations.append(Explanation(side, pattern))
    for explanation in explanations:
        if not explanation.reason:
            raise ValueError(f"{PATH.name}: no reason for '{explanation.text}'")
    return explanations


EXPLANATIONS = read_explanations()


def without_times(lines):
    return [TIME_STAMP.sub("", line).rstrip() for line in lines]


def mask(line):
    for explanation in EXPLANATIONS:
        line = explanation.mask(line)
    return line


def explained(side, line):
    """Whether an explanation has that line; notes that it was needed."""
    for explanation in EXPLANATIONS:
        if explanation.side == side and explanation.pattern.fullmatch(line):
            explanation.needed = True
            return True
    return False


def note_masks(ours, theirs):
    """Of two lines that are equal when masked: the explanations that this took."""
    for explanation in EXPLANATIONS:
        if ours != theirs and explanation.mask(ours) != ours:
            explanation.needed = True


def without_moved(problems):
    """The problems but for lines that are only at another place and may be."""
    for line in [problem[2:] for problem in problems if problem.startswith("- ")]:
        if f"+ {line}" in problems and explained("m", line):
            problems.remove(f"- {line}")
            problems.remove(f"+ {line}")
    return problems


def compare(unpatched, rewritten):
    """What differs without an explanation, as lines of a difference."""
    unpatched, rewritten = without_times(unpatched), without_times(rewritten)
    masked = [mask(line) for line in unpatched], [mask(line) for line in rewritten]
    problems = []
    matcher = difflib.SequenceMatcher(None, *masked, autojunk=False)
    for what, start, end, other_start, other_end in matcher.get_opcodes():
        if what == "equal":
            for ours, theirs in zip(unpatched[start:end], rewritten[other_start:other_end]):
                note_masks(ours, theirs)
            continue
        problems += [f"- {line}" for line in unpatched[start:end] if not explained("-", line)]
        problems += [f"+ {line}" for line in rewritten[other_start:other_end]
                     if not explained("+", line)]
    return without_moved(problems)


def never_needed():
    return [explanation.text for explanation in EXPLANATIONS
            if not explanation.needed and explanation.side not in ("t", "m")]
