# SPDX-License-Identifier: BSD-2-Clause
# Targets that tools/ serves: lint, the kernels, the demonstration.

# --- lint -------------------------------------------------------------------------------------

# The host's C but what is generated; layout is checked of guests' and ROMs' C too. A file that was
# analysed has a stamp, so that an unchanged one is not read again.
lint_c := $(sort $(wildcard disasm/*.c patcher/*.c patcher/*/*.c tests/*/*.c) $(lint_sources))
lint_h := $(sort $(wildcard disasm/*.h patcher/*.h patcher/*/*.h patchtables/*.h tests/*.h tests/*/*.h))
lint_layout = $(shell git ls-files '*.[ch]' 2>/dev/null || \
	find disasm patcher patchtables rom tests -name '*.[ch]')
lint_python = $(shell grep -rlIE '^\#!.*python3$$' tools tests patchtables disasm) \
	$(shell find tools tests patchtables -name '*.py')
lint_folder := $(build)/lint
lint_stamps := $(lint_c:%=$(lint_folder)/%.tidy)

lint: ## check layout, C (clang-tidy, cppcheck), shell, Python, the house's rules
	@tools/setup $(groups_lint)
	@$(MAKE) --no-print-directory run-lint

run-lint: run-lint-quick $(lint_stamps) $(lint_folder)/cppcheck

run-lint-quick: $(lint_folder)/format
	@echo 'LINT house'; tools/check-house
	@echo 'LINT python'; python3 -c 'import ast, sys; \
		[ast.parse(open(name).read(), name) for name in sys.argv[1:]]' $(sort $(lint_python))

$(lint_folder)/format: FORCE
	$(call quiet,LINT) mkdir -p $(@D) && clang-format-14 --dry-run -Werror $(lint_layout)

# The object is there to know the headers: it is newer when one of them changed.
.SECONDARY: $(lint_c:%.c=$(build)/%.o)
$(lint_folder)/%.c.tidy: %.c $(build)/%.o .clang-tidy
	$(call quiet,LINT) mkdir -p $(@D) && \
		clang-tidy-14 --quiet $< -- $(filter-out -Werror,$(host_cflags)) 2>$@.log || \
		{ cat $@.log; exit 1; }; touch $@

# Leaks are left to clang's analyzer and LeakSanitizer, as cppcheck does not follow `new ? new : old`;
# so are values not set, as it takes the address of an array for its value.
$(lint_folder)/cppcheck: $(lint_c) $(lint_h) | $(generated_headers)
	$(call quiet,LINT) mkdir -p $@-cache && \
		cppcheck -q -j2 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=uninitvar --suppress=ctuuninitvar --error-exitcode=1 \
		--cppcheck-build-dir=$@-cache -I. -I$(generated) $(lint_c) && touch $@

# --- kernels, demonstration -------------------------------------------------------------------

kernels: ## fetch and build the kernels that `make check` reads
	@tools/setup $(groups_kernels)
	@tools/kernels required $(check_linux)

# Scanned when no real kernel can be had.
small_kernel := $(build)/tests/cli/sites.elf

demo: ## install what is missing, build, rewrite a stock Debian kernel and boot it
	@tools/setup $(groups_demo)
	@$(MAKE) --no-print-directory run-demo

run-demo: $(program) $(small_kernel)
	@tools/demo $(program) $(small_kernel) $(build)/demo

.PHONY: lint run-lint run-lint-quick kernels demo run-demo FORCE
