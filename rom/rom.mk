# SPDX-License-Identifier: BSD-2-Clause
# The ROMs: freestanding i386 objects, one relocatable file each (patchtables/rom_abi.h), built
# into the program.

rom_cflags := -m32 -march=i686 -std=c11 -O2 -g0 -ffreestanding -mregparm=3 -fno-pic -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -mno-sse -mno-mmx -mno-80387 \
	-Wall -Wextra -Werror -I. -I$(generated)

rom_native_sources := \
	rom/platform/native/manifest.S \
	rom/platform/native/entry.S \
	rom/platform/native/boot.c

rom_native-counting_sources := \
	rom/platform/native/manifest_counting.S \
	rom/platform/native/entry.S \
	rom/platform/native/boot.c \
	rom/platform/native/counters.S

include rom/devices/files.mk
rom_mmu_sources := $(sort $(wildcard rom/mmu/*.c))
rom_vcpu_sources := $(sort $(wildcard rom/vcpu/*.c))

rom_xen_sources := \
	rom/platform/xen/first.S \
	rom/platform/xen/manifest.S \
	rom/platform/xen/entry.S \
	rom/platform/xen/trap_entry.S \
	rom/platform/xen/boot_guest.c \
	rom/platform/xen/call_site.c \
	rom/platform/xen/console.c \
	rom/platform/xen/events.c \
	rom/platform/xen/hot_calls.S \
	rom/platform/xen/hot.c \
	rom/platform/xen/map_window.c \
	rom/platform/xen/memory.c \
	rom/platform/xen/mmu_backend.c \
	rom/platform/xen/panic.c \
	rom/platform/xen/parameters.c \
	rom/platform/xen/platform.c \
	rom/platform/xen/shutdown.c \
	rom/platform/xen/start.c \
	rom/platform/xen/statistics.c \
	rom/platform/xen/string.c \
	rom/platform/xen/trace.c \
	rom/platform/xen/traps.c \
	$(rom_vcpu_sources) \
	$(rom_mmu_sources) \
	$(rom_device_sources) \
	$(rom_policy_sources) \
	$(rom_stats_sources) \
	rom/policy/cpuid_manifest.c \
	rom/platform/xen/last.S

roms := native native-counting xen
rom_objects = $(patsubst %,$(build)/%.o,$(basename $(rom_$(1)_sources)))

# What the xen ROM's assembler knows of its C structures, and its calls' names.
rom_generated := $(generated)/vmi_call_numbers.h $(generated)/frame_offsets.h $(generated)/rom_calls.h \
	$(generated)/cpuid_policy_rows.h $(generated)/msr_policy_numbers.h
$(generated)/frame_offsets.h: rom/platform/xen/frame_offsets.c rom/platform/xen/frame.h \
		rom/vcpu/vcpu.h rom/policy/msr.h $(generated)/msr_policy_numbers.h rom/rom.mk
	$(call quiet,GEN) mkdir -p $(@D) && $(CC) $(rom_cflags) -S -o $@.s $< && \
		{ echo '/* Generated from $<: do not edit. */'; sed -n 's/^->//p' $@.s; } > $@
$(generated)/rom_calls.h: patchtables/vmi_calls.def rom/rom.mk
	$(call quiet,GEN) mkdir -p $(@D) && { echo '/* Generated from $<: do not edit. */'; \
		sed -n 's/^call \([0-9]*\) \([A-Za-z0-9]*\)$$/ROM_CALL(\1, \2)/p' $<; } > $@

$(build)/rom/%.o: rom/%.S rom/rom.mk $(rom_generated)
	$(call quiet,ROM) mkdir -p $(@D) && $(CC) $(rom_cflags) -MMD -MP -c -o $@ $<
$(build)/rom/%.o: rom/%.c $(rom_generated)
	$(call quiet,ROM) mkdir -p $(@D) && $(CC) $(rom_cflags) -MMD -MP -c -o $@ $<

define rom_rules
$(build)/rom/$(1).rom: $(call rom_objects,$(1))
	$$(call quiet,LD) ld -m elf_i386 -r -o $$@ $$^
endef
$(foreach rom,$(roms),$(eval $(call rom_rules,$(rom))))

# The ROMs in the program.
rom_files := $(roms:%=$(build)/rom/%.rom)
$(build)/patcher/rom/built_in_roms_data.o: patcher/rom/built_in_roms.S $(rom_files)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(sanitizer_flags) -Wa,-I$(build) -c -o $@ $<
