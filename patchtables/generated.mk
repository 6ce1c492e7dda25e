# SPDX-License-Identifier: BSD-2-Clause
# What is made from the patch tables: see patchtables/generate.

patchtables := patchtables/vmi_calls.def patchtables/instructions.def
patchtables_generator := patchtables/generate $(wildcard patchtables/generator/*.py)
generate_from_patchtables = $(call quiet,GEN) mkdir -p $(@D) && \
	patchtables/generate $(1) $(or $(2),$(patchtables)) > $@

generated_headers += $(generated)/vmi_call_numbers.h $(generated)/sensitive_form_numbers.h \
	$(generated)/sensitive_form_cases.h $(generated)/cpuid_policy_rows.h \
	$(generated)/msr_policy_numbers.h $(generated)/page_table_writes.h
generated_sources += $(generated)/vmi_call_table.c $(generated)/sensitive_form_table.c \
	$(generated)/linux_setter_table.c

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

$(generated)/cpuid_policy_rows.h: patchtables/cpuid_policy.def $(patchtables_generator)
	$(call generate_from_patchtables,cpuid-policy,$<)
$(generated)/msr_policy_numbers.h: patchtables/msr_policy.def $(patchtables_generator)
	$(call generate_from_patchtables,msr-policy,$<)

$(generated)/page_table_writes.h: patchtables/guests/linux.def $(patchtables_generator)
	$(call generate_from_patchtables,setter-kinds,$<)
$(generated)/linux_setter_table.c: patchtables/guests/linux.def $(patchtables_generator)
	$(call generate_from_patchtables,setter-table,$<)

$(build)/manual/calls.md: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,manual-calls)
$(build)/manual/instructions.md: $(patchtables) $(patchtables_generator)
	$(call generate_from_patchtables,manual-forms)

$(build)/manual/cpuid.md: patchtables/cpuid_policy.def $(patchtables_generator)
	$(call generate_from_patchtables,manual-cpuid,$<)
$(build)/manual/msr.md: patchtables/msr_policy.def $(patchtables_generator)
	$(call generate_from_patchtables,manual-msr,$<)

manual-tables: $(patsubst %,$(build)/manual/%.md,calls instructions cpuid msr) ## make the manual's tables: calls, instructions, CPUID, MSRs
.PHONY: manual-tables
