# SPDX-License-Identifier: BSD-2-Clause
# Boot tests: the test guest and Linux in qemu.

check_tests += $(addprefix tests/boot/,boot_test consoles_test coverage_test guest_test \
	linux_test modules_test native_test page_tables_test)
check_long_tests += tests/boot/guest_mutation_test
test_inputs += initramfs $(build)/tests/boot/entry-only.rom \
	$(build)/tests/boot/count_instructions.so
groups_check += boot
groups_check-long += boot

lint_sources += tests/boot/userland/userland.c

$(build)/lint/tests/boot/userland/%.c.tidy: tests/boot/userland/%.c .clang-tidy
	$(call quiet,LINT) mkdir -p $(@D) && clang-tidy-14 --quiet \
		--checks=-performance-no-int-to-ptr $< -- -std=gnu11 -m32 -ffreestanding -I. \
		2>$@.log || { cat $@.log; exit 1; }; touch $@

# Brings busybox for the initramfs into the cache. Without it the Linux boots skip, unless the tests
# shall not run without kernels.
initramfs:
	@tools/initramfs >/dev/null || [ $(KERNELS) = wanted ]
.PHONY: initramfs

$(build)/tests/boot/entry_only/manifest.o: tests/boot/entry_only/manifest.S $(rom_generated)
	$(call quiet,ROM) mkdir -p $(@D) && $(CC) $(rom_cflags) -MMD -MP -c -o $@ $<
$(build)/tests/boot/entry-only.rom: $(build)/tests/boot/entry_only/manifest.o \
		$(build)/rom/platform/native/entry.o $(build)/rom/platform/native/boot.o
	$(call quiet,LD) ld -m elf_i386 -r -o $@ $^

$(build)/tests/boot/count_instructions.so: tests/boot/count_instructions.c
	$(call quiet,PLUGIN) mkdir -p $(@D) && $(CC) -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -o $@ $<
