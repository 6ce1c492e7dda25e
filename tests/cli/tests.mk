# SPDX-License-Identifier: BSD-2-Clause
# Tests of the program as people call it: bats scripts.

check_tests += $(wildcard tests/cli/*.bats)
test_inputs += $(build)/tests/cli/sites.elf

# A kernel of a few instructions, each site of it known.
$(build)/tests/cli/sites.elf: tests/cli/sites.S
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 -nostdlib -static -no-pie \
		-Wl,-Ttext=0xc1000000 -Wl,--build-id=sha1 -o $@ $<
