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

roms := native
rom_objects = $(patsubst %,$(build)/%.o,$(basename $(rom_$(1)_sources)))

$(build)/rom/%.o: rom/%.S rom/rom.mk $(generated)/vmi_call_numbers.h
	$(call quiet,ROM) mkdir -p $(@D) && $(CC) $(rom_cflags) -MMD -MP -c -o $@ $<
$(build)/rom/%.o: rom/%.c $(generated)/vmi_call_numbers.h
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
