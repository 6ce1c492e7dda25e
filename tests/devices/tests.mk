# SPDX-License-Identifier: BSD-2-Clause
# The virtual machine's devices, policies and statistics (rom/devices, policy, stats) on the host:
# tests/devices/NAME_test.c is one cmocka program. And built as a ROM has them, which must need
# nothing from a C library.

device_tests := $(patsubst tests/devices/%.c,$(build)/tests/devices/%,$(wildcard tests/devices/*_test.c))
device_host := $(build)/tests/devices/host
device_library := $(device_host)/libdevices.a
device_sources := $(rom_device_sources) $(rom_policy_sources) $(rom_stats_sources)
device_script := $(build)/tests/devices/port_script
check_tests += $(device_tests) tests/devices/qemu_test tests/devices/freestanding_test tests/devices/policies.bats \
	tests/devices/rom_stats.bats
test_inputs += $(device_tests) $(device_script) $(device_sources:%.c=$(build)/%.o)
lint_sources += $(device_sources)

$(device_host)/%.o: %.c $(flags) | $(generated_headers) $(rom_generated)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(device_library): $(device_sources:%.c=$(device_host)/%.o)
	$(call quiet,AR) rm -f $@ && $(AR) rcsD $@ $^
$(device_tests): $(build)/tests/devices/%: $(build)/tests/devices/%.o $(device_library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ -lcmocka
$(device_script): $(build)/tests/devices/port_script.o $(device_library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^
.SECONDARY: $(device_tests:%=%.o) $(device_sources:%.c=$(device_host)/%.o)
