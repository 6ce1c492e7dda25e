# SPDX-License-Identifier: BSD-2-Clause
# The differential tests: the length decoder against Zydis, Capstone and
# objdump (its library). Differences known are in differences.def.

differential_build := $(build)/tests/differential
differential_common := shape oracle oracle_zydis oracle_capstone oracle_objdump differences compare \
	workers enumerate random report program kernel_code objdump_output
differential_tests := enumeration_test random_test kernel_test table_test harness_test
differential_long_tests := random_long_test

differential_objects := $(differential_common:%=$(differential_build)/%.o)
differential_programs := $(differential_tests:%=$(differential_build)/%)
differential_long_programs := $(differential_long_tests:%=$(differential_build)/%)

check_tests += $(differential_programs)
check_long_tests += $(differential_long_programs)
test_inputs += $(differential_programs) $(differential_long_programs)

$(differential_build)/%_test: $(differential_build)/%_test.o $(differential_objects) $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ \
		$(host_libraries) -lZydis -lopcodes -lbfd
.SECONDARY: $(differential_objects) $(differential_tests:%=$(differential_build)/%.o) \
	$(differential_long_tests:%=$(differential_build)/%.o)
