# SPDX-License-Identifier: BSD-2-Clause
# The test guest: a freestanding i386 kernel. README.md of this folder describes it.
#
#   guest.elf      entered by a multiboot loader (and by PVH where a loader prefers that)
#   guest-pvh.elf  the same without its multiboot header: entered by PVH only

guest_sources := \
	tests/guests/kernel/boot.S \
	tests/guests/kernel/boot_information.c \
	tests/guests/kernel/checks.c \
	tests/guests/kernel/console.c \
	tests/guests/kernel/descriptors.c \
	tests/guests/kernel/ends.c \
	tests/guests/kernel/interrupts.c \
	tests/guests/kernel/main.c \
	tests/guests/kernel/memory.c \
	tests/guests/kernel/run_with_registers.S \
	tests/guests/kernel/registers.c \
	tests/guests/kernel/report.c \
	tests/guests/kernel/string.c \
	tests/guests/kernel/trap_entry.S \
	tests/guests/kernel/traps.c \
	tests/guests/kernel/user.c \
	tests/guests/checks/absent_instructions.c \
	tests/guests/checks/control_registers.c \
	tests/guests/checks/debug_registers.c \
	tests/guests/checks/descriptor_tables.c \
	tests/guests/checks/exceptions.c \
	tests/guests/checks/far_transfers.c \
	tests/guests/checks/halt.c \
	tests/guests/checks/interrupt_flag.c \
	tests/guests/checks/interrupt_return.c \
	tests/guests/checks/page_faults.c \
	tests/guests/checks/ports.c \
	tests/guests/checks/processor.c \
	tests/guests/checks/segments.c \
	tests/guests/checks/selectors.c \
	tests/guests/checks/software_interrupts.c \
	tests/guests/checks/stacks.c \
	tests/guests/checks/tasks.c \
	tests/guests/checks/translations.c \
	tests/guests/checks/user_mode.c

guest_objects := $(addsuffix .o,$(basename $(guest_sources:%=$(build)/%)))
guests := $(build)/tests/guests/guest.elf $(build)/tests/guests/guest-pvh.elf

# i386 and general registers only. Functions stay in one section of each object, so that the exception
# table comes out sorted.
guest_cflags := -std=gnu11 -m32 -march=i386 -mgeneral-regs-only -O2 -g -ffreestanding -fno-pic \
	-fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-omit-frame-pointer -fno-reorder-functions \
	-fno-tree-loop-distribute-patterns -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -I.

$(build)/tests/guests/%.o: tests/guests/%.c tests/guests/tests.mk
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) $(guest_cflags) -MMD -MP -c -o $@ $<
$(build)/tests/guests/%.o: tests/guests/%.S tests/guests/tests.mk
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) $(guest_cflags) -MMD -MP -c -o $@ $<

# Relocations are kept, as Linux keeps them: whoever rewrites the guest knows what is an address.
$(build)/tests/guests/guest.elf: $(guest_objects) tests/guests/guest.ld
	$(call quiet,GUEST) $(CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=sha1,--emit-relocs \
		-Wl,--fatal-warnings,-z,noexecstack -T tests/guests/guest.ld -o $@ $(guest_objects)

$(build)/tests/guests/guest-pvh.elf: $(build)/tests/guests/guest.elf
	$(call quiet,GUEST) head -c 12 /dev/zero > $@.zero && \
		objcopy --update-section .multiboot=$@.zero $< $@ && rm $@.zero

# For `make lint`: the same files with the guest's options. A kernel makes pointers of addresses.
guest_c := $(filter %.c,$(guest_sources))
guest_tidy_flags := $(filter-out -Werror -fno-reorder-functions \
	-fno-tree-loop-distribute-patterns,$(guest_cflags))
lint_sources += $(guest_c)

$(build)/lint/tests/guests/%.c.tidy: tests/guests/%.c $(build)/tests/guests/%.o .clang-tidy
	$(call quiet,LINT) mkdir -p $(@D) && clang-tidy-14 --quiet \
		--checks=-performance-no-int-to-ptr $< -- $(guest_tidy_flags) 2>$@.log || \
		{ cat $@.log; exit 1; }; touch $@

guests: $(guests) ## build the test guest
.PHONY: guests
test_inputs += $(guests)
