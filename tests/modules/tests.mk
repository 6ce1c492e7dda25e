# SPDX-License-Identifier: BSD-2-Clause
# Modules: what `postburn patch --base` makes of them, loaded by a loader of our own.

check_tests += $(addprefix tests/modules/,all_test link_test verify_test)
check_long_tests += tests/modules/all_link_test
test_inputs += $(addprefix $(build)/tests/modules/,base.out module.ko)

# A kernel with Linux's banner, rewritten; and a module of everything that relocations make hard.
$(build)/tests/modules/base: tests/modules/base.S
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 -nostdlib -static -no-pie \
		-Wl,-Ttext=0xc1000000 -Wl,--build-id=sha1 -o $@ $<
$(build)/tests/modules/base.out: $(build)/tests/modules/base $(program)
	$(call quiet,PATCH) $(program) patch -o $@ $< >/dev/null
$(build)/tests/modules/module.ko: tests/modules/module.S
	$(call quiet,GUEST) mkdir -p $(@D) && $(CC) -m32 '-DRELEASE="6.1.0-test"' -c -o $@ $<
