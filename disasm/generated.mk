# SPDX-License-Identifier: BSD-2-Clause
# The disassembler's generated sources.

generated_sources += $(generated)/opcode_table.c $(generated)/sweep_table.c

$(generated)/opcode_table.c: disasm/opcodes.def disasm/generate-opcodes
	$(call quiet,GEN) mkdir -p $(@D) && disasm/generate-opcodes $< > $@

# The sweep's tables are what the decoder and the classifier answer.
make_sweep_table := $(build)/disasm/make_sweep_table
$(make_sweep_table): $(addprefix $(build)/disasm/,make_sweep_table.o decode.o classify.o) \
		$(addprefix $(generated)/,opcode_table.o sensitive_form_table.o)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^
$(generated)/sweep_table.c: $(make_sweep_table)
	$(call quiet,GEN) mkdir -p $(@D) && $(make_sweep_table) > $@
