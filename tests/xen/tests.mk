# SPDX-License-Identifier: BSD-2-Clause
# The xen ROM on Xen: its steps, each with a small guest of its own (make-image links them).

xen_guests := hello ring2 traps
xen_images := $(xen_guests:%=$(build)/tests/xen/%.elf)
check_tests += $(addprefix tests/xen/,steps_test guest_test linux_test \
	reach_test)
test_inputs += $(xen_images) $(build)/tests/xen/reach hypervisors
groups_check += xen
groups_check-long += xen

$(build)/tests/xen/%_guest.o: tests/xen/%_guest.S tests/xen/guest.inc
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 -I. -I$(generated) -c -o $@ $<
$(xen_images): $(build)/tests/xen/%.elf: $(build)/tests/xen/%_guest.o $(build)/rom/xen.rom \
		tests/xen/make-image
	$(call quiet,GUEST) tests/xen/make-image $< $(build)/rom/xen.rom $@

$(build)/tests/xen/reach: tests/xen/user/reach.c tests/boot/userland/system_calls.h tests/xen/tests.mk
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -std=gnu11 -m32 -march=i386 -O2 -ffreestanding -fno-pic \
		-fno-stack-protector -Wall -Wextra -Werror -nostdlib -static -no-pie -I. -o $@ $<

lint_sources += tests/xen/user/reach.c

$(build)/lint/tests/xen/user/%.c.tidy: tests/xen/user/%.c .clang-tidy
	$(call quiet,LINT) mkdir -p $(@D) && clang-tidy-14 --quiet \
		--checks=-performance-no-int-to-ptr $< -- -std=gnu11 -m32 -ffreestanding -I. \
		2>$@.log || { cat $@.log; exit 1; }; touch $@

# Builds Xen. Without it the boots on it skip, unless the tests shall not run without kernels.
hypervisors:
	@tools/xen release debug >/dev/null || [ $(KERNELS) = wanted ]
.PHONY: hypervisors
