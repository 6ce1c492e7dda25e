# SPDX-License-Identifier: BSD-2-Clause
# postburn: the one front door. `make help` lists the targets.
#
# Variables: V=1 shows whole commands, SAN=1 builds with ASan and UBSan into
# build/san, CC, CFLAGS and LDFLAGS are as usual.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

V ?= 0
ifeq ($(V),0)
quiet = @echo '$(1) $(patsubst $(build)/%,%,$@)';
else
quiet =
endif

CC := gcc
SAN ?= 0
ifeq ($(SAN),1)
build := build/san
sanitizer_flags := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
build := build
sanitizer_flags :=
endif
generated := $(build)/generated

CFLAGS ?= -O2 -g
host_cflags := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings $(sanitizer_flags) -I. -I$(generated)
host_libraries := -lcapstone -lelf -ljansson -lnettle -lz -lbz2 -llzma -llzo2 -llz4 -lzstd

include disasm/files.mk
include patcher/files.mk

# --- generated sources ------------------------------------------------------------------------

generated_headers := $(generated)/diagnostics.h
generated_sources := $(generated)/diagnostics.c

$(generated)/diagnostics.h: patcher/diagnostics.def tools/generate-diagnostics
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-diagnostics header $< > $@
$(generated)/diagnostics.c: patcher/diagnostics.def tools/generate-diagnostics
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-diagnostics source $< > $@

include disasm/generated.mk

# --- objects, libraries, the program ----------------------------------------------------------

disasm_objects := $(disasm_sources:%.c=$(build)/%.o)
patcher_objects := $(patcher_sources:%.c=$(build)/%.o)
generated_objects := $(generated_sources:%.c=%.o)
library := $(build)/libpostburn.a
program := $(build)/postburn

all: $(program) ## build the program (build/postburn)

$(build)/%.o: %.c | $(generated_headers)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(generated)/%.o: $(generated)/%.c | $(generated_headers)
	$(call quiet,CC) $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

$(library): $(disasm_objects) $(patcher_objects) $(generated_objects)
	$(call quiet,AR) rm -f $@ && $(AR) rcsD $@ $^
$(program): $(build)/patcher/main.o $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries)

-include $(shell test -d $(build) && find $(build) -name '*.d' -not -path 'build/san/*')

include tests/tests.mk
include tools/tools.mk

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 16

clean: ## remove everything built here (caches stay)
	rm -rf build

.PHONY: all help clean
