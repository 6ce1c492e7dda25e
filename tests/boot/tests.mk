# SPDX-License-Identifier: BSD-2-Clause
# Boot tests: the test guest and Linux in qemu.

check_tests += $(addprefix tests/boot/,boot_test coverage_test guest_test linux_test modules_test native_test)
check_long_tests += tests/boot/guest_mutation_test
test_inputs += initramfs
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
