# postsix: plain make and pkg-config.
#
#   make            build the programs into $(B)
#   make test       set up, then run everything: unit, sanitizers, consistency, system
#   make demo       set up, then show what postsix does, on two real Postfix instances
#
# Each program links only the libraries that its line below names; tests/consistency holds them to it.

B       ?= build
prefix  ?= /usr
sysconfdir ?= /etc
sbindir ?= $(prefix)/sbin
libexecdir ?= $(prefix)/libexec
datadir ?= $(prefix)/share
mandir  ?= $(datadir)/man
VERSION := 0.1

CC       ?= cc
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT      ?= -O2 -g
CPPFLAGS += -Isrc -D_GNU_SOURCE -DPOSTSIX_VERSION='"$(VERSION)"'
CFLAGS   += -std=gnu17 $(OPT) $(HARDEN) $(WARNINGS) $(WERROR)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed

packages = $(if $(1),$(shell pkg-config $(2) $(1)))
LIBS_pipe   :=
LIBS_intake := gmime-3.0 jansson libsystemd
LIBS_daemon := libsystemd sqlite3 gmime-3.0 jansson inih
LIBS_cli    := sqlite3 jansson inih
ALL_LIBS    := gmime-3.0 jansson libsystemd sqlite3 inih

PROGRAM_pipe   := postsix-pipe
PROGRAM_intake := postsix-intake
PROGRAM_daemon := postsixd
PROGRAM_cli    := postsix
PARTS    := pipe intake daemon cli
PROGRAMS := $(foreach p,$(PARTS),$(B)/$(PROGRAM_$(p)))

# foreign headers are system headers: their faults are not ours to warn about
FOREIGN_CFLAGS := $(patsubst -I%,-isystem %,$(call packages,$(ALL_LIBS),--cflags))

objects = $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/$(1)/*.c))
LAYERS  := $(B)/libadapter.a $(B)/libmail.a $(B)/libbase.a

.PHONY: all deps deps-installed test demo bench install format clean unit unit-asan consistency system fuzz
all: $(PROGRAMS)

$(B)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(FOREIGN_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define layer
$(B)/lib$(1).a: $(call objects,$(1))
	@rm -f $$@
	$$(AR) rcsD $$@ $$^
endef
$(foreach l,base mail adapter,$(eval $(call layer,$(l))))

# A program is its main.o, the rest of its folder as an archive (so that tests can link it), and the layers.
define program
$(B)/lib$(1).a: $(filter-out %/main.o,$(call objects,$(1)))
	@rm -f $$@
	$$(AR) rcsD $$@ $$^
$(B)/$(PROGRAM_$(1)): $(B)/obj/$(1)/main.o $(B)/lib$(1).a $(LAYERS)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(call packages,$$(LIBS_$(1)),--libs)
endef
$(foreach p,$(PARTS),$(eval $(call program,$(p))))

# ---- unit tests: tests/unit/LAYER/NAME.c, cmocka, TAP ---------------------------------------------

UNIT_SOURCES := $(wildcard tests/unit/*/*.c)
UNIT_TESTS   := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SOURCES))

$(B)/tests/unit/%: tests/unit/%.c $(LAYERS) $(foreach p,$(PARTS),$(B)/lib$(p).a)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(FOREIGN_CFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d \
	  -o $@ $< $(B)/lib$(firstword $(subst /, ,$*)).a \
	  $(LAYERS) $(LDFLAGS) $(call packages,$(ALL_LIBS),--libs) -lcmocka

unit: $(UNIT_TESTS)
	@CMOCKA_MESSAGE_OUTPUT=TAP prove --merge -Q $(UNIT_TESTS)

ASAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
unit-asan:
	@$(MAKE) --no-print-directory B=$(B)/asan OPT='-O1 -g $(ASAN)' HARDEN=-fPIE unit

-include $(wildcard $(B)/obj/*/*.d $(B)/tests/unit/*/*.d)

# ---- everything else is a script ------------------------------------------------------------------

# What Debian must have before anything here runs; each is explained in README.md.
deps:
	@tests/deps

consistency: all
	@prove -Q tests/consistency

system: all
	@prove -Q tests/system

test: deps
	@tests/run

demo: deps
	@$(MAKE) --no-print-directory -s all
	@tests/lab/demo

bench: deps
	@$(MAKE) --no-print-directory -s all
	@tests/bench/bench

format:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')

clean:
	rm -rf $(B)

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir)/postsix $(DESTDIR)$(datadir)/postsix
	install -m 755 $(B)/postsix $(B)/postsixd $(DESTDIR)$(sbindir)
	install -m 755 $(B)/postsix-pipe $(B)/postsix-intake postfix/postsix-setup $(DESTDIR)$(libexecdir)/postsix
	cp -r postfix/dual postfix/v6 templates $(DESTDIR)$(datadir)/postsix
	install -d $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8
	for n in 1 5 8; do install -m 644 man/*.$$n $(DESTDIR)$(mandir)/man$$n; done
