# SPDX-License-Identifier: BSD-2-Clause
# The shadow MMU of the `xen` ROM on the host, with a simulated machine and hypervisor below it and
# an independent reference beside it. NAME_test.c is a program, the other files are in all of them.

mmu_sources := $(wildcard rom/mmu/*.c)
mmu_tests := $(patsubst %.c,$(build)/%,$(wildcard tests/mmu/*_test.c))
mmu_objects := $(patsubst %.c,$(build)/%.o,$(filter-out %_test.c,$(wildcard tests/mmu/*.c))) \
	$(mmu_sources:rom/mmu/%.c=$(build)/tests/mmu/rom/%.o)
check_tests += $(mmu_tests) tests/mmu/freestanding_test
check_long_tests += tests/mmu/mutants_test
test_inputs += $(mmu_tests) $(mmu_sources:%.c=$(build)/%.o)
lint_sources += $(mmu_sources)

# The host's compiler reads them as its own code.
$(build)/tests/mmu/rom/%.o: rom/mmu/%.c $(flags)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(mmu_tests): %: %.o $(mmu_objects)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ -lcmocka
.SECONDARY: $(mmu_tests:%=%.o)
