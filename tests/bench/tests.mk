# SPDX-License-Identifier: BSD-2-Clause
# The benches, each of which compares us with others and fails below its least ratio. A bench has
#   benches        its name in this list
#   bench_NAME     its command
#   bench_inputs   what must be made before it runs

bench_kernel := $(build)/tests/bench/vmlinux-686-pae

benches := sweep scan patch report sites native
bench_inputs := $(bench_kernel) $(program)
bench_sweep = $(sweep_bench) $(bench_kernel)
bench_scan = tests/bench/command_bench 15 3 $(bench_kernel) $(program) scan
bench_patch = tests/bench/command_bench 8 4 $(bench_kernel) $(program) patch -o $(bench_kernel).native
bench_report = tests/bench/command_bench 4 5 $(bench_kernel) $(program) patch \
	--report=$(bench_kernel).json -o $(bench_kernel).native
bench_sites = tests/bench/sites_bench $(program) $(bench_kernel)
bench_native = tests/bench/native_bench $(program) $(bench_kernel) $(build)/tests/bench/work

# The sweep, and whom it is compared with.
sweep_bench := $(build)/tests/bench/sweep_bench
bench_inputs += $(sweep_bench)
$(sweep_bench): $(build)/tests/bench/sweep_bench.o $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries) -lZydis

# What the instructions of are counted.
bench_inputs += $(build)/tests/bench/work
$(build)/tests/bench/work: tests/bench/work.c tests/boot/userland/system_calls.h
	$(call quiet,USER) mkdir -p $(@D) && $(CC) -m32 -march=i386 -O2 -static -nostdlib \
		-ffreestanding -fno-pic -fno-pie -no-pie -fno-stack-protector \
		-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns \
		-fcf-protection=none -mgeneral-regs-only -Wall -Wextra -Werror \
		-Wl,--build-id=none -s -I. -o $@ $<
lint_sources += tests/bench/work.c
$(build)/lint/tests/bench/work.c.tidy: tests/bench/work.c .clang-tidy
	$(call quiet,LINT) mkdir -p $(@D) && clang-tidy-14 --quiet \
		--checks=-performance-no-int-to-ptr $< -- -std=gnu11 -m32 -ffreestanding -I. \
		2>$@.log || { cat $@.log; exit 1; }; touch $@

# The stock kernel's ELF, out of the bzImage.
$(bench_kernel): tests/golden/unpack_kernel.py FORCE
	$(call quiet,UNPACK) mkdir -p $(@D) && tests/bench/unpack-stock-kernel 686-pae $@

bench: ## compare the speed with others', and of a rewritten kernel with the unpatched
	@tools/setup $(groups_bench)
	@$(MAKE) --no-print-directory run-benches

# All of them, even after one has failed.
run-benches: $(bench_inputs)
	@status=0; $(foreach bench,$(benches),echo '--- $(bench)'; $(bench_$(bench)) || status=1;) \
		exit $$status

.PHONY: bench run-benches FORCE
