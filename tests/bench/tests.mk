# SPDX-License-Identifier: BSD-2-Clause
# The benches, each of which compares us with others and fails below its least ratio. A bench has
#   benches        its name in this list
#   bench_NAME     its command
#   bench_inputs   what must be made before it runs

bench_kernel := $(build)/tests/bench/vmlinux-686-pae

benches := sweep scan
bench_inputs := $(bench_kernel) $(program)
bench_sweep = $(sweep_bench) $(bench_kernel)
bench_scan = tests/bench/scan_bench $(program) $(bench_kernel)

# The sweep, and whom it is compared with.
sweep_bench := $(build)/tests/bench/sweep_bench
bench_inputs += $(sweep_bench)
$(sweep_bench): $(build)/tests/bench/sweep_bench.o $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries) -lZydis

# The stock kernel's ELF, out of the bzImage.
$(bench_kernel): tests/golden/unpack_kernel.py FORCE
	$(call quiet,UNPACK) mkdir -p $(@D) && tests/bench/unpack-stock-kernel 686-pae $@

bench: ## compare the speed with others': Capstone, Zydis, objdump
	@tools/setup $(groups_bench)
	@$(MAKE) --no-print-directory run-benches

# All of them, even after one has failed.
run-benches: $(bench_inputs)
	@status=0; $(foreach bench,$(benches),echo '--- $(bench)'; $(bench_$(bench)) || status=1;) \
		exit $$status

.PHONY: bench run-benches FORCE
