# SPDX-License-Identifier: BSD-2-Clause
# Tests of the program as people call it: bats scripts.

check_tests += $(wildcard tests/cli/*.bats)
test_inputs += $(completions) $(build)/tests/cli/sites.elf $(build)/tests/cli/page_tables.elf
lint_sources += tests/cli/page_tables.c

# A kernel of a few instructions, each site of it known.
$(build)/tests/cli/sites.elf: tests/cli/sites.S
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 -nostdlib -static -no-pie \
		-Wl,-Ttext=0xc1000000 -Wl,--build-id=sha1 -o $@ $<

# A kernel of writes to page tables, with debug information.
$(build)/tests/cli/page_tables.elf: tests/cli/page_tables.c
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 -mregparm=3 -g -O2 -ffreestanding -fno-pic \
		-fno-stack-protector -nostdlib -static -no-pie -Wl,-Ttext=0xc1000000 \
		-Wl,--build-id=sha1 -o $@ $<
