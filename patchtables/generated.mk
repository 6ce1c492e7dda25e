# SPDX-License-Identifier: BSD-2-Clause
# What is made from the patch tables: see patchtables/generate.

patchtables := patchtables/vmi_calls.def patchtables/instructions.def
patchtables_generator := patchtables/generate $(wildcard patchtables/generator/*.py)
generate_from_patchtables = $(call quiet,GEN) mkdir -p $(@D) && \
	patchtables/generate $(1) $(patchtables) > $@

generated_headers += $(generated)/vmi_call_numbers.h $(generated)/sensitive_form_numbers.h \
	$(generated)/sensitive_form_cases.h
generated_sources += $(generated)/vmi_call_table.c $(generated)/sensitive_form_table.c

$(generated)/vmi_call_numbers.h: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,call-numbers)
$(generated)/vmi_call_table.c: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,call-table)
$(generated)/sensitive_form_numbers.h: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,form-numbers)
$(generated)/sensitive_form_table.c: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,form-table)
$(generated)/sensitive_form_cases.h: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,form-cases)

$(build)/manual/calls.md: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,manual-calls)
$(build)/manual/instructions.md: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,manual-forms)

manual-tables: $(build)/manual/calls.md $(build)/manual/instructions.md ## make the manual's tables of calls and instructions
.PHONY: manual-tables
