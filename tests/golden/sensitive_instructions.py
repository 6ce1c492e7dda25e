# SPDX-License-Identifier: BSD-2-Clause
"""Which instructions are privileged or sensitive, told from objdump's text.

This is the second opinion that `postburn scan` is compared with. It is written
from the manuals only and shares nothing with patchtables/instructions.def:

  SDM    Intel 64 and IA-32 Architectures Software Developer's Manual
  APM    AMD64 Architecture Programmer's Manual, volume 3
  R&I    Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a
         Secure Virtual Machine Monitor", USENIX Security 2000: the instructions
         that do not fault outside ring 0 and yet behave differently there

Pages are not named, as they move with every edition; sections and instruction
pages are.
"""

import re

# What objdump calls the instruction (AT&T, without the size suffix in []) -> the
# class it is counted as. A class is the mnemonic of the SDM or APM.
MNEMONICS = {
    # SDM vol. 3 "Privileged Instructions" (5.9): #GP outside ring 0.
    "lgdt[wlq]?": "lgdt",
    "lidt[wlq]?": "lidt",
    "lldt[wl]?": "lldt",
    "ltr[wl]?": "ltr",
    "lmsw[wl]?": "lmsw",
    "clts": "clts",
    "invd": "invd",
    "wbinvd": "wbinvd",
    "wbnoinvd": "wbnoinvd",
    "invlpg": "invlpg",
    "hlt": "hlt",
    "rdmsr": "rdmsr",
    "wrmsr": "wrmsr",
    # Their own pages of vol. 2: "If the current privilege level is not 0".
    "invpcid": "invpcid",
    "xsetbv": "xsetbv",
    "xsaves(64)?": "xsaves",
    "xrstors(64)?": "xrstors",
    "swapgs": "swapgs",
    "clac": "clac",
    "stac": "stac",
    "monitor": "monitor",
    "mwait": "mwait",
    "sysexit[lq]?": "sysexit",
    "sysret[lq]?": "sysret",
    "encls": "encls",
    "enclv": "enclv",
    "pconfig": "pconfig",
    "hreset": "hreset",
    "loadiwkey": "loadiwkey",
    "enqcmds": "enqcmds",
    "wruss[dq]": "wruss",
    "setssbsy": "setssbsy",
    "clrssbsy": "clrssbsy",
    "wrmsrns": "wrmsrns",
    "wrmsrlist": "wrmsrlist",
    "rdmsrlist": "rdmsrlist",
    "rsm": "rsm",
    # Ring 0 only by a bit of CR4 (TSD, PCE); AMD's RDPRU likewise.
    "rdtsc": "rdtsc",
    "rdtscp": "rdtscp",
    "rdpmc": "rdpmc",
    "rdpru": "rdpru",
    "umwait": "umwait",
    "tpause": "tpause",
    # Reads IA32_TSC_AUX, as RDTSCP does: what the kernel wrote there with WRMSR.
    "rdpid": "rdpid",
    # SDM vol. 3 chapters on VMX, SMX, TDX; "VMX Instruction Reference" in vol. 3.
    "vmcall": "vmcall",
    "vmlaunch": "vmlaunch",
    "vmresume": "vmresume",
    "vmxon": "vmxon",
    "vmxoff": "vmxoff",
    "vmclear": "vmclear",
    "vmptrld": "vmptrld",
    "vmptrst": "vmptrst",
    "vmread[lq]?": "vmread",
    "vmwrite[lq]?": "vmwrite",
    "invept": "invept",
    "invvpid": "invvpid",
    "getsec": "getsec",
    "tdcall": "tdcall",
    "seamcall": "seamcall",
    "seamret": "seamret",
    "seamops": "seamops",
    # APM vol. 3 "System Instruction Reference".
    "vmrun": "vmrun",
    "vmload": "vmload",
    "vmsave": "vmsave",
    "vmmcall": "vmmcall",
    "vmgexit": "vmgexit",
    "stgi": "stgi",
    "clgi": "clgi",
    "skinit": "skinit",
    "invlpga": "invlpga",
    "invlpgb": "invlpgb",
    "tlbsync": "tlbsync",
    "psmash": "psmash",
    "pvalidate": "pvalidate",
    "rmpupdate": "rmpupdate",
    "rmpadjust": "rmpadjust",
    "rmpquery": "rmpquery",
    "monitorx": "monitorx",
    "mwaitx": "mwaitx",
    # SDM vol. 1 "I/O Privilege Level": #GP, or the TSS's bitmap, if CPL > IOPL.
    "cli": "cli",
    "sti": "sti",
    "in[bwl]?": "in",
    "out[bwl]?": "out",
    "ins[bwl]": "ins",
    "outs[bwl]": "outs",
    # R&I: silently different, or showing what belongs to the machine.
    "pushf[wlq]?": "pushf",
    "popf[wlq]?": "popf",
    "iret[wlq]?": "iret",
    "sgdt[wlq]?": "sgdt",
    "sidt[wlq]?": "sidt",
    "sldt[wl]?": "sldt",
    "str[wl]?": "str",
    "smsw[wl]?": "smsw",
    "lar[wlq]?": "lar",
    "lsl[wlq]?": "lsl",
    "verr": "verr",
    "verw": "verw",
    "lcall[wlq]?": "lcall",
    "ljmp[wlq]?": "ljmp",
    "lret[wlq]?": "lret",
    "int": "int",
    "into": "into",
    # Not in R&I, as the Pentium had none of them, but of the same kinds.
    "cpuid": "cpuid",
    "xgetbv": "xgetbv",
    "sysenter": "sysenter",
    "syscall": "syscall",
    # Loads of a far pointer: selector loads (R&I: MOVE, POP).
    "lds[wl]?": "lds",
    "les[wl]?": "les",
    "lss[wlq]?": "lss",
    "lfs[wlq]?": "lfs",
    "lgs[wlq]?": "lgs",
}

# Prefixes as objdump writes them before a mnemonic.
PREFIX = re.compile(
    r"(?:lock|rep|repz|repnz|xacquire|xrelease|bnd|notrack|data16|data32|addr16|addr32"
    r"|cs|ds|es|fs|gs|ss|rex(?:\.[WRXB]+)?|\{[a-z0-9]+\})\s+"
)
SPECIAL_REGISTER = re.compile(r"%(?:[c-gs]s|cr|db|dr|tr)")
SEGMENT = r"%(es|cs|ss|ds|fs|gs)"

_TABLE = [(re.compile(pattern), name) for pattern, name in MNEMONICS.items()]
_CACHE = {}


def _mnemonic_class(mnemonic):
    if mnemonic not in _CACHE:
        _CACHE[mnemonic] = next(
            (name for pattern, name in _TABLE if pattern.fullmatch(mnemonic)), None
        )
    return _CACHE[mnemonic]


def _register_class(mnemonic, operands):
    """mov, push and pop: by their operand. None for ordinary ones."""
    if mnemonic in ("push", "pushw", "pushl", "pushq", "pop", "popw", "popl", "popq"):
        match = re.fullmatch(SEGMENT, operands)
        return f"{mnemonic[:4].rstrip('wlq')} {match[1]}" if match else None
    if mnemonic not in ("mov", "movw", "movl", "movq"):
        return None
    match = re.match(r"%(cr|db|dr|tr)\d+,", operands)
    if match:
        return f"mov from {match[1].replace('db', 'dr')}"
    match = re.search(r",%(cr|db|dr|tr)\d+$", operands)
    if match:
        return f"mov to {match[1].replace('db', 'dr')}"
    match = re.match(SEGMENT + ",", operands)
    if match:
        return f"mov from {match[1]}"
    match = re.search("," + SEGMENT + "$", operands)
    return f"mov to {match[1]}" if match else None


def instruction_class(text):
    """The class of an instruction given as objdump's AT&T text, or None if it is
    neither privileged nor sensitive."""
    text = re.sub(r",\s+", ",", text.strip())
    while True:
        match = PREFIX.match(text)
        if not match:
            break
        text = text[match.end() :]
    mnemonic, _, operands = text.partition(" ")
    if SPECIAL_REGISTER.search(operands):
        operands = re.sub(r"\s*(<.*|#.*)$", "", operands.strip())
        return _mnemonic_class(mnemonic) or _register_class(mnemonic, operands)
    return _mnemonic_class(mnemonic)


LABEL = re.compile(r"([0-9a-f]+) <(.+)>:")
SECTION = re.compile(r"Disassembly of section (.+):")


class Site:
    """One instruction found: address, bytes (hex), class; section, and symbol+offset where
    objdump printed a label (the section's name where there are no symbols)."""

    def __init__(self, address, code, kind, section, place):
        self.address = address
        self.code = code
        self.kind = kind
        self.section = section
        self.place = place


def _is_plain(word, plain={}):
    """Whether a text beginning with this word is neither sensitive nor in need of a closer look
    (prefixes; mov, push and pop, which their operands tell apart). Most lines end here."""
    if word not in plain:
        plain[word] = (
            word not in ("mov", "movw", "movl", "movq")
            and not word.startswith(("push", "pop"))
            and not PREFIX.match(word + " ")
            and _mnemonic_class(word) is None
        )
    return plain[word]


def read_disassembly(lines):
    """The sites in the output of `objdump -d -z -w --insn-width=16`, by address."""
    sites = {}
    section = ""
    label, label_address = "", 0
    for line in lines:
        columns = line.split("\t")
        if len(columns) == 3:
            text = columns[2]
            if _is_plain(text.split(None, 1)[0]):
                continue
            kind = instruction_class(text)
            if kind:
                address = int(columns[0].strip().rstrip(":"), 16)
                code = columns[1].replace(" ", "")
                place = f"{label}+{address - label_address:#x}"
                sites[address] = Site(address, code, kind, section, place)
            continue
        match = LABEL.match(line)
        if match:
            label_address, label = int(match[1], 16), match[2]
            continue
        match = SECTION.match(line)
        if match:
            section = match[1]
    return sites
