# SPDX-License-Identifier: BSD-2-Clause
# Fuzzing: `make fuzz FUZZ_SECONDS=N`, and what `make check` keeps of it: the replay of seeds and of
# found cases (regressions/HARNESS/*) through the same harnesses.
#
# A harness is tests/fuzz/NAME_fuzz.c. It is built twice, with all the library's sources: by clang
# with libFuzzer, and by the house's compiler with ASan, UBSan and replay.c.

fuzz_harnesses := $(sort $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c)))
fuzz_seeds := $(build)/fuzz/seeds
FUZZ_SECONDS ?= 300
FUZZ_CC ?= clang-14

fuzz_common := tests/fuzz/harness.c tests/fuzz/elf_frame.c
fuzz_library := $(disasm_sources) $(patcher_sources) $(rom_device_sources) $(rom_policy_sources)
fuzz_generated := $(generated_sources:$(generated)/%.c=generated/%.o)
fuzz_cflags = $(filter-out $(sanitizer_flags),$(host_cflags)) -O1 -g -fno-omit-frame-pointer -MMD -MP
# clang warns of other things than the house's compiler, which is the one to be clean with.
fuzz_clang_cflags = $(filter-out -Werror,$(fuzz_cflags)) -w
fuzz_sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all

# --- libFuzzer --------------------------------------------------------------------------------

fuzz_clang := $(build)/fuzz/clang
# Apart from the objects' folders, which have names like theirs.
fuzz_programs := $(fuzz_harnesses:%=$(fuzz_clang)/bin/%)
fuzz_clang_objects := $(patsubst %.c,$(fuzz_clang)/%.o,$(fuzz_common) $(fuzz_library)) \
	$(fuzz_generated:%=$(fuzz_clang)/%)
fuzz_clang_library := $(fuzz_clang)/libpostburn.a

$(fuzz_clang)/%.o: %.c | $(generated_headers)
	$(call quiet,FUZZCC) mkdir -p $(@D) && $(FUZZ_CC) $(fuzz_clang_cflags) $(fuzz_sanitizers) \
		-fsanitize=fuzzer-no-link -c -o $@ $<
$(fuzz_clang)/generated/%.o: $(generated)/%.c | $(generated_headers)
	$(call quiet,FUZZCC) mkdir -p $(@D) && $(FUZZ_CC) $(fuzz_clang_cflags) $(fuzz_sanitizers) \
		-fsanitize=fuzzer-no-link -c -o $@ $<
$(fuzz_clang_library): $(fuzz_clang_objects) $(build)/patcher/rom/built_in_roms_data.o
	$(call quiet,AR) rm -f $@ && $(AR) rcsD $@ $^
$(fuzz_programs): $(fuzz_clang)/bin/%: $(fuzz_clang)/tests/fuzz/%_fuzz.o $(fuzz_clang_library)
	$(call quiet,FUZZLD) mkdir -p $(@D) && $(FUZZ_CC) $(fuzz_sanitizers) -fsanitize=fuzzer -o $@ $^ $(host_libraries)

# --- replay -----------------------------------------------------------------------------------

fuzz_replay := $(build)/fuzz/replay
fuzz_replays := $(fuzz_harnesses:%=$(fuzz_replay)/bin/%)
fuzz_replay_objects := \
	$(patsubst %.c,$(fuzz_replay)/%.o,$(fuzz_common) $(fuzz_library)) \
	$(fuzz_generated:%=$(fuzz_replay)/%)
fuzz_replay_library := $(fuzz_replay)/libpostburn.a

$(fuzz_replay)/%.o: %.c | $(generated_headers)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(fuzz_cflags) $(fuzz_sanitizers) -c -o $@ $<
$(fuzz_replay)/generated/%.o: $(generated)/%.c | $(generated_headers)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(fuzz_cflags) $(fuzz_sanitizers) -c -o $@ $<
$(fuzz_replay_library): $(fuzz_replay_objects) $(build)/patcher/rom/built_in_roms_data.o
	$(call quiet,AR) rm -f $@ && $(AR) rcsD $@ $^
$(fuzz_replays): $(fuzz_replay)/bin/%: $(fuzz_replay)/tests/fuzz/%_fuzz.o $(fuzz_replay)/tests/fuzz/replay.o \
		$(fuzz_replay_library)
	$(call quiet,LD) mkdir -p $(@D) && $(CC) $(fuzz_sanitizers) -o $@ $^ $(host_libraries)

.SECONDARY: $(fuzz_harnesses:%=$(fuzz_clang)/tests/fuzz/%_fuzz.o) \
	$(fuzz_harnesses:%=$(fuzz_replay)/tests/fuzz/%_fuzz.o)

# --- seeds, goals -----------------------------------------------------------------------------

$(fuzz_seeds)/made: tests/fuzz/make-seeds tests/fuzz/miniature_kernel.py tests/fuzz/bzimage.py \
		tests/fuzz/module.S $(build)/tests/fuzz/rom.o $(rom_files) \
		$(build)/tests/modules/module.ko $(build)/tests/cli/page_tables.elf
	$(call quiet,SEEDS) rm -rf $(@D) && tests/fuzz/make-seeds $(@D) && mkdir -p $(@D)/rom && \
		cp $(build)/tests/fuzz/rom.o $(rom_files) $(@D)/rom && \
		mkdir -p $(@D)/module && cp $(build)/tests/modules/module.ko $(@D)/module && \
		mkdir -p $(@D)/debug && cp $(build)/tests/cli/page_tables.elf $(@D)/debug && touch $@
$(build)/tests/fuzz/rom.o: tests/fuzz/rom.S rom/include/vmi.inc $(generated)/vmi_call_numbers.h
	$(call quiet,ROM) mkdir -p $(@D) && $(CC) $(rom_cflags) -c -o $@ $<

check_tests += tests/fuzz/replay_test tests/fuzz/seeds_test
test_inputs += $(fuzz_replays) $(fuzz_seeds)/made
lint_sources += $(wildcard tests/fuzz/*.c)

fuzz: ## fuzz every harness, FUZZ_SECONDS in all
	@tools/setup $(groups_fuzz)
	@$(MAKE) --no-print-directory run-fuzz

run-fuzz: $(fuzz_programs) $(fuzz_seeds)/made
	tests/fuzz/run-fuzz $(build)/fuzz $(FUZZ_SECONDS) $(fuzz_harnesses)

.PHONY: fuzz run-fuzz
