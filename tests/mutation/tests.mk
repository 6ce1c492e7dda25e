# SPDX-License-Identifier: BSD-2-Clause
# Mutation tests of `postburn verify`: damaged outputs, each of which it must see.

mutation_test := $(build)/tests/mutation/mutation_test
mutation_objects := $(patsubst %.c,$(build)/%.o,$(wildcard tests/mutation/*.c))
check_tests += $(mutation_test)
test_inputs += $(mutation_test) $(build)/tests/guests/guest.elf $(build)/tests/cli/page_tables.elf \
	$(build)/tests/mutation/greedy.rom \
	$(build)/tests/mutation/greedy-xen.rom

$(build)/tests/mutation/greedy.S: tests/mutation/make-greedy-rom patchtables/vmi_calls.def
	$(call quiet,GEN) mkdir -p $(@D) && tests/mutation/make-greedy-rom patchtables/vmi_calls.def > $@
$(build)/tests/mutation/greedy-xen.S: tests/mutation/make-greedy-rom patchtables/vmi_calls.def
	$(call quiet,GEN) mkdir -p $(@D) && \
		tests/mutation/make-greedy-rom --xen patchtables/vmi_calls.def > $@
$(build)/tests/mutation/%.rom: $(build)/tests/mutation/%.S rom/include/vmi.inc \
		patchtables/rom_abi.h $(generated)/vmi_call_numbers.h
	$(call quiet,ROM) $(CC) $(rom_cflags) -c -o $@.o $< && \
		ld -m elf_i386 -r -o $@ $@.o $(filter %.o,$^)
$(build)/tests/mutation/greedy-xen.rom: $(build)/rom/policy/cpuid_manifest.o

$(mutation_test): $(mutation_objects) $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries) -lcmocka -lunicorn
