# SPDX-License-Identifier: BSD-2-Clause
# Unit tests: tests/unit/NAME_test.c is one cmocka program, linked with the whole library.

unit_tests := $(patsubst tests/unit/%.c,$(build)/tests/unit/%,$(wildcard tests/unit/*_test.c))
check_tests += $(unit_tests)
test_inputs += $(unit_tests)

$(build)/tests/unit/%: $(build)/tests/unit/%.o $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries) $(unit_libraries) -lcmocka
$(addprefix $(build)/tests/unit/,privileged_test effects_test): unit_libraries := -lZydis
$(build)/tests/unit/verify_machine_test: unit_libraries := -lunicorn
.SECONDARY: $(unit_tests:%=%.o)
