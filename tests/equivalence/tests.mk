# SPDX-License-Identifier: BSD-2-Clause
# Equivalence: an instruction where it stood, and what stands for it, end in the same state. Run in
# Unicorn, or against a model. NAME_test.c is a program, the other files are in all of them.

equivalence_tests := $(patsubst %.c,$(build)/%,$(wildcard tests/equivalence/*_test.c))
equivalence_objects := $(patsubst %.c,$(build)/%.o, \
	$(filter-out %_test.c,$(wildcard tests/equivalence/*.c)))
check_tests += $(equivalence_tests)
test_inputs += $(equivalence_tests)

$(equivalence_tests): %: %.o $(equivalence_objects) $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries) -lcmocka -lunicorn
.SECONDARY: $(equivalence_tests:%=%.o)
