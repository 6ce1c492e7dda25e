# SPDX-License-Identifier: BSD-2-Clause
# postburn: the one front door. `make help` lists the targets.
#
# Variables: V=1 shows whole commands, SAN=1 builds with ASan and UBSan into build/san,
# build=DIR builds elsewhere; CC, CFLAGS, LDFLAGS, PREFIX and DESTDIR are as usual.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

V ?= 0
ifeq ($(V),0)
quiet = @echo '$(1) $(patsubst $(build)/%,%,$@)';
else
quiet =
endif

ifeq ($(origin CC),default)
CC := gcc
endif
CC ?= gcc
ifeq ($(origin AR),default)
AR := ar
endif
AR ?= ar
INSTALL ?= install
PREFIX ?= /usr/local

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
version := $(shell sed -n 's/^\#define POSTBURN_VERSION "\(.*\)"$$/\1/p' patcher/command/commands.h)
host_cflags := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings $(sanitizer_flags) -I. -I$(generated)
host_libraries := -lcapstone -ldw -lelf -ljansson -lnettle -lz -lbz2 -llzma -llzo2 -llz4 -lzstd

# --- packages ---------------------------------------------------------------------------------

# The groups of tools/packages.txt that a goal needs besides `build`. The goals named here install
# what is missing, if they may; a plain `make` never does.
groups_check := build test lint kernels
groups_check-long := $(groups_check) packages
groups_demo := build boot
groups_bench := build test kernels boot
groups_fuzz := build fuzz
groups_lint := build test lint
groups_kernels := build kernels
groups_packages := build packages

include disasm/files.mk
include patcher/files.mk

# --- generated sources ------------------------------------------------------------------------

generated_headers := $(generated)/diagnostics.h $(generated)/commands_table.h
generated_sources := $(generated)/diagnostics.c $(generated)/commands_table.c

$(generated)/diagnostics.h: patcher/diagnostics.def tools/generate-diagnostics
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-diagnostics header $< > $@
$(generated)/diagnostics.c: patcher/diagnostics.def tools/generate-diagnostics
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-diagnostics source $< > $@


commands := patcher/command/commands.def
$(generated)/commands_table.h: $(commands) tools/generate-commands
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-commands header $< > $@
$(generated)/commands_table.c: $(commands) tools/generate-commands
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-commands source $< > $@
completions := $(addprefix $(build)/completions/,bash zsh fish)
$(build)/completions/%: $(commands) tools/generate-commands
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-commands $* $< > $@

$(build)/docs/diagnostics.md: patcher/diagnostics.def tools/generate-diagnostics
	$(call quiet,GEN) mkdir -p $(@D) && tools/generate-diagnostics manual $< > $@

include disasm/generated.mk
include patchtables/generated.mk
include patcher/report/generated.mk
include rom/rom.mk

# --- objects, libraries, the program ----------------------------------------------------------

disasm_objects := $(disasm_sources:%.c=$(build)/%.o)
patcher_objects := $(patcher_sources:%.c=$(build)/%.o)
generated_objects := $(generated_sources:%.c=%.o)
library := $(build)/libpostburn.a
program := $(build)/postburn

# Remembers compiler and flags: what was built with others is built again.
flags := $(build)/flags
flags_now := $(CC) $(host_cflags) $(CFLAGS) $(LDFLAGS)
ifneq ($(file <$(flags)),$(flags_now))
.PHONY: $(flags)
endif
$(flags):
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags_now))' > $@

all: $(program) $(completions) ## build the program, build/postburn

$(build)/%.o: %.c $(flags) | $(generated_headers)
	$(call quiet,CC) mkdir -p $(@D) && $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(generated)/%.o: $(generated)/%.c $(flags) | $(generated_headers)
	$(call quiet,CC) $(CC) $(host_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

$(library): $(disasm_objects) $(patcher_objects) $(generated_objects) \
		$(build)/patcher/rom/built_in_roms_data.o
	$(call quiet,AR) rm -f $@ && $(AR) rcsD $@ $^
$(program): $(build)/patcher/main.o $(library)
	$(call quiet,LD) $(CC) $(sanitizer_flags) $(LDFLAGS) -o $@ $^ $(host_libraries)

-include $(shell test -d $(build) && find $(build) -type f -name '*.d' -not -path 'build/san/*')

include tests/tests.mk
include tools/tools.mk

# What cannot be installed is told here, in one line, before anything is built.
goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out help clean,$(goals)),)
groups := $(sort build $(foreach goal,$(goals),$(groups_$(goal))))
may_install := $(and $(filter 0,$(shell id -u)),$(foreach goal,$(goals),$(groups_$(goal))))
problem := $(if $(may_install),,$(shell tools/setup --check $(groups)))
ifneq ($(problem),)
$(error $(problem))
endif
endif

# --- the rest ---------------------------------------------------------------------------------

install: $(program) $(completions) $(build)/docs/diagnostics.md ## install below DESTDIR and PREFIX (/usr/local)
	$(INSTALL) -D -t $(DESTDIR)$(PREFIX)/bin -m 755 $(program)
	$(INSTALL) -D -t $(DESTDIR)$(PREFIX)/share/man/man1 -m 644 $(wildcard docs/*.1)
	$(INSTALL) -D -t $(DESTDIR)$(PREFIX)/share/man/man5 -m 644 $(wildcard docs/*.5)
	$(INSTALL) -D -m 644 $(build)/completions/bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/postburn
	$(INSTALL) -D -m 644 $(build)/completions/zsh \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_postburn
	$(INSTALL) -D -m 644 $(build)/completions/fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/postburn.fish
	$(INSTALL) -D -t $(DESTDIR)$(PREFIX)/include/postburn -m 644 patchtables/rom_abi.h \
		$(generated)/vmi_call_numbers.h
	mkdir -p $(DESTDIR)$(PREFIX)/share/pkgconfig
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: postburn' 'Version: $(version)' \
		'Description: the interface between postburn and its ROMs' \
		'Cflags: -I$${prefix}/include/postburn' \
		>$(DESTDIR)$(PREFIX)/share/pkgconfig/postburn.pc
	$(INSTALL) -D -t $(DESTDIR)$(PREFIX)/share/doc/postburn -m 644 README.md \
		$(filter-out docs/NOTES.md,$(wildcard docs/*.md docs/*.json)) $(build)/docs/diagnostics.md

packages: ## build the Debian packages of what is committed, in build/packages
	@tools/setup $(groups_packages)
	tools/build-packages $(build)/packages

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(filter-out %.d,$(MAKEFILE_LIST)) | sed 's/:.*## /\t/' | \
		expand -t 16
	@sed -n '4,5s/^# //p' Makefile

clean: ## remove everything built here (caches stay)
	rm -rf build

.PHONY: all install packages help clean
