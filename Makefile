# postsix: plain make and pkg-config.
#
#   make            build the programs into $(B)
#   make test       set up, then run everything: unit, sanitizers, fuzzers' seeds, consistency, system
#   make demo       set up, then show what postsix does, on two real Postfix instances
#   make install    below DESTDIR; make deb: the Debian package
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
CPPFLAGS += -Isrc -D_GNU_SOURCE -DPOSTSIX_VERSION='"$(VERSION)"' \
            -DPOSTSIX_LIBEXECDIR='"$(libexecdir)/postsix"'
CFLAGS   += -std=gnu17 $(OPT) $(HARDEN) $(WARNINGS) $(WERROR)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
# One process a message: to find and bind a shared libc is a fifth of its run. (A sanitizer needs a shared one.)
STATIC_pipe = $(if $(findstring -fsanitize,$(OPT)),,-static-pie)

packages = $(if $(1),$(shell pkg-config $(2) $(1)))
LIBS_pipe   :=
LIBS_intake := gmime-3.0 jansson libsystemd libseccomp
LIBS_daemon := libsystemd libcares sqlite3 gmime-3.0 jansson inih opendkim libcrypto
LIBS_milter := opendkim libcares libsystemd
LIBS_cli    := gmime-3.0 libsystemd libcares sqlite3 jansson inih libcrypto libseccomp
ALL_LIBS    := gmime-3.0 jansson libsystemd libseccomp sqlite3 inih opendkim libcrypto libcares
# what pkg-config does not know
LINK_milter := -lmilter
ALL_LINK    := -lmilter

PROGRAM_pipe   := postsix-pipe
PROGRAM_intake := postsix-intake
PROGRAM_daemon := postsixd
PROGRAM_milter := postsix-milter
PROGRAM_cli    := postsix
PARTS    := pipe intake daemon milter cli
PROGRAMS := $(foreach p,$(PARTS),$(B)/$(PROGRAM_$(p)))

# foreign headers are system headers: their faults are not ours to warn about
FOREIGN_CFLAGS := $(patsubst -I%,-isystem %,$(call packages,$(ALL_LIBS),--cflags))

objects = $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/$(1)/*.c))
LAYERS  := $(B)/libadapter.a $(B)/libmail.a $(B)/libbase.a

.PHONY: all deps deps-installed test demo bench install deb format clean unit unit-asan fuzz fuzz-here fuzz-replay \
        fuzz-replay-here consistency system boot coverage coverage-told
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
	$$(CC) $$(CFLAGS) $$(LDFLAGS) $$(STATIC_$(1)) -o $$@ $$^ $$(call packages,$$(LIBS_$(1)),--libs) $$(LINK_$(1))
endef
$(foreach p,$(PARTS),$(eval $(call program,$(p))))

# ---- unit tests: tests/unit/LAYER/NAME.c, cmocka, TAP ---------------------------------------------

# Tests wait more than they compute: two at once for each processor.
TEST_JOBS  ?= $(shell expr 2 '*' $$(nproc))
UNIT_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*/*.c))
# $(1), in the order of their names but for those of $(2), which take long, so that none of these is the last one
first = $(foreach t,$(2),$(filter %/$(t),$(1))) $(filter-out $(addprefix %/,$(2)),$(1))
UNIT_FIRST := daemon/daemon daemon/letter_any daemon/outbox cli/show adapter/surveyor daemon/surveys adapter/store_damage adapter/listen

# Each links the folder that it tests and the layers. (Second expansion: a pattern's prerequisites may then depend on its stem.)
.SECONDEXPANSION:
$(B)/tests/unit/%: tests/unit/%.c $$(B)/lib$$(firstword $$(subst /, ,$$*)).a $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(FOREIGN_CFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d \
	  -o $@ $< $(B)/lib$(firstword $(subst /, ,$*)).a \
	  $(LAYERS) $(LDFLAGS) $(call packages,$(ALL_LIBS),--libs) $(ALL_LINK) -lcmocka

unit: $(UNIT_TESTS)
	@prove -j$(TEST_JOBS) --merge --exec tests/unit/tap $(call first,$(UNIT_TESTS),$(UNIT_FIRST))

# (instrumented, gcc knows less of ranges and warns of texts that cannot be cut)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -Wno-format-truncation
unit-asan:
	@$(MAKE) --no-print-directory B=$(B)/asan OPT='-O1 -g $(SANITIZE)' HARDEN=-fPIE unit

# How many lines of each source the unit tests reach, the fewest first, by gcov(1), which comes with gcc.
# For what the system tests reach, too: run them with B=$(B)/coverage before coverage-told.
coverage:
	@mkdir -p $(B)/coverage && find $(B)/coverage -name '*.gcda' -delete
	@$(MAKE) --no-print-directory B=$(B)/coverage OPT='-O0 -g --coverage' HARDEN=-fPIE all unit
	@$(MAKE) --no-print-directory coverage-told
coverage-told:
	@gcov -nr $(B)/coverage/obj/*/*.gcno 2>/dev/null | awk -F "[':%]" '/^File/ { name = $$2 } \
	  /^Lines/ && name ~ /[.]c$$/ { split($$3, of, " "); n = of[2]; hit = int(n * $$2 / 100 + .5); all += n; hits += hit; \
	    printf "%6.2f %% %5d of %5d  %s\n", $$2, hit, n, name | "sort -n"; name = "" } \
	  END { close("sort -n"); printf "%6.2f %% %5d of %5d  all\n", 100 * hits / all, hits, all }'

# ---- fuzzers: tests/fuzz/NAME.c, one per parser; tests/fuzz/seeds says where each starts -----------

FUZZERS := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
FUZZ_MAIN    := tests/fuzz/replay.c
FUZZ_SECONDS ?= 60

$(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(FUZZ_MAIN) $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/fuzz $(FOREIGN_CFLAGS) $(CFLAGS) $(FUZZ_ENGINE) \
	  -o $@ $< $(FUZZ_MAIN) $(LAYERS) $(LDFLAGS) $(call packages,$(ALL_LIBS),--libs) $(ALL_LINK)

# Every seed once, and the proof that the fuzzers reach their targets: part of `make test`.
fuzz-replay:
	@$(MAKE) --no-print-directory B=$(B)/asan OPT='-O1 -g $(SANITIZE)' HARDEN=-fPIE fuzz-replay-here
fuzz-replay-here: $(FUZZERS)
	@prove -e tests/fuzz/replay $(FUZZERS)

# New inputs for FUZZ_SECONDS each; what crashes stays in $(B)/fuzz/found.
fuzz:
	@$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang FUZZ_MAIN= FUZZ_ENGINE=-fsanitize=fuzzer \
	  OPT='-O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link' HARDEN=-fPIE fuzz-here
fuzz-here: $(FUZZERS)
	@tests/fuzz/fuzz $(B) $(FUZZ_SECONDS) $(FUZZERS)

-include $(wildcard $(B)/obj/*/*.d $(B)/tests/unit/*/*.d)

# ---- everything else is a script ------------------------------------------------------------------

# What Debian must have before anything here runs; each is explained in README.md.
deps:
	@tests/deps

# In these folders every executable file is a test.
tests_in = $(shell find tests/$(1) -maxdepth 1 -type f -perm -u+x | sort)
SYSTEM_JOBS  ?= $(TEST_JOBS)
SYSTEM_FIRST := setup crash-daemon boot-faults boot intake_faults crash-errors crash-away rlimits diagnosis crash-load milter \
                crash-intake manager lab signals milter_dns policy check postfix_setup clocks dkim

# Programs in C that a consistency test in Python drives.
DRIVERS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/consistency/*.c))
$(B)/tests/consistency/%: tests/consistency/%.c $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(FOREIGN_CFLAGS) $(CFLAGS) -o $@ $< $(LAYERS) $(LDFLAGS) \
	  $(call packages,$(ALL_LIBS),--libs) $(ALL_LINK)

# what does not build is not looked at, the rest is
consistency:
	-@$(MAKE) --no-print-directory -k all $(DRIVERS)
	@B=$(B) prove -j$(TEST_JOBS) $(or $(call tests_in,$@),$(error no tests))

system: all
	@B=$(B) prove --timer -j$(SYSTEM_JOBS) $(call first,$(or $(call tests_in,$@),$(error no tests)),$(addsuffix .py,$(SYSTEM_FIRST)))

# The package on a server that is booted, part of `system` too; RELEASE=trixie: of another release, see tests/boot/root.py.
boot: all
	@B=$(B) prove --timer $(sort $(wildcard tests/system/boot*.py))

test: deps
	@tests/run

demo: deps
	@$(MAKE) --no-print-directory -s all
	@tests/lab/demo

bench: deps
	@$(MAKE) --no-print-directory -s all
	@tests/bench/bench
	@tests/bench/survey
	@tests/bench/explain

format:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')

clean:
	rm -rf $(B)

# Units name programs where Debian has them; elsewhere they are changed on the way.
unitdir     ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
PLACES  := sed 's,/usr/sbin/,$(sbindir)/,; s,/usr/libexec/,$(libexecdir)/,'
UNITS   := $(notdir $(wildcard systemd/*.service systemd/*.socket systemd/*.target systemd/*.timer))
# of Debian 13, and of those before: see there
INSTANCES := dual v6 postfix-dual postfix-v6

# Only below DESTDIR, and nothing that is anybody's to change: /etc/postsix is made by tmpfiles.d and `postsix setup`.
install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir)/postsix $(DESTDIR)$(datadir)/postsix
	install -m 755 $(B)/postsix $(B)/postsixd $(DESTDIR)$(sbindir)
	install -m 755 $(B)/postsix-pipe $(B)/postsix-intake $(B)/postsix-milter postfix/postsix-setup postfix/setup \
	  postfix/setup-answers postfix/setup-checks postfix/setup-remove $(DESTDIR)$(libexecdir)/postsix
	cd templates && find . -type f -exec install -D -m 644 {} $(abspath $(DESTDIR)$(datadir)/postsix/templates)/{} \;
	cd postfix && find dual v6 -type f -exec install -D -m 644 {} $(abspath $(DESTDIR)$(datadir)/postsix)/{} \;
	mv $(DESTDIR)$(datadir)/postsix/templates/diagnose.tab $(DESTDIR)$(datadir)/postsix
	for f in man/*.[1-9]; do install -D -m 644 $$f $(DESTDIR)$(mandir)/man$${f##*.}/$${f##*/} || exit; done
	install -D -m 644 doc/postsix.bash-completion $(DESTDIR)$(datadir)/bash-completion/completions/postsix
	install -d $(DESTDIR)$(unitdir)
	for f in $(UNITS); do $(PLACES) systemd/$$f >$(DESTDIR)$(unitdir)/$$f && \
	  chmod 644 $(DESTDIR)$(unitdir)/$$f || exit; done
	for i in $(INSTANCES); do install -D -m 644 systemd/postfix-instance.conf \
	  $(DESTDIR)$(unitdir)/postfix@$$i.service.d/postsix.conf || exit; done
	install -D -m 644 systemd/sysusers.d/postsix.conf $(DESTDIR)$(sysusersdir)/postsix.conf
	install -D -m 644 systemd/tmpfiles.d/postsix.conf $(DESTDIR)$(tmpfilesdir)/postsix.conf

# the Debian package, in $(B)/deb
deb:
	@systemd/make-deb $(B)/deb $(VERSION)
