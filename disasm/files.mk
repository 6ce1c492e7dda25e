# SPDX-License-Identifier: BSD-2-Clause
# The disassembler's objects, one a line.
disasm_sources := \
	disasm/decode.c \
	disasm/classify.c \
	disasm/sweep.c \
	disasm/text.c \
	disasm/effects.c \
	disasm/liveness.c
