# SPDX-License-Identifier: BSD-2-Clause
# The disassembler's generated sources.

generated_sources += $(generated)/opcode_table.c
$(generated)/opcode_table.c: disasm/opcodes.def disasm/generate-opcodes
	$(call quiet,GEN) mkdir -p $(@D) && disasm/generate-opcodes $< > $@
