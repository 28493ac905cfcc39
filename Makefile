# pith: make | check | soak | demo | bench | peers | size | images | lint | coverage |
#       bench-machine | deps | deps-all | install | dist | clean
#       (CONTRIBUTING.md)

# ---- variables to override, here or in the environment -----------------------

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CFLAGS  ?= -Os
# make WERROR=1 treats warnings as errors, as continuous integration does.
WERROR  ?=
N       ?= 1
SAN     ?=
MUST_RUN ?=

VERSION = $(shell sed -n 's/.*PITH_VERSION "\(.*\)"/\1/p' cli/options.h)

# ---- modules and suites ------------------------------------------------------

OBJECTS = init.o supervise.o child.o exec.o exec_error.o reaper.o signals.o fds.o \
	cli/options.o cli/values.o cli/dropin.o cli/report.o cli/outfile.o cli/log.o \
	cli/startup.o cli/memory.o cli/system.o \
	cli/values_boot.o cli/values_cgroup.o cli/values_command.o cli/values_net.o \
	cli/values_root.o \
	$(MODULES:%=sandbox/%.o) $(BOOT:%=boot/%.o)
MODULES   = launch monitor inside namespaces ids rootfs image mounts volumes channel proc \
	users privileges seccomp landlock environment terminal doctor sealed \
	cgroup groups hierarchies limits devices counters info network \
	ports publish hosts lock priority stdfiles
BOOT    = boot run services reexec rescue inittab early console variables watchdog status \
	shutdown root
UNITS   = test_signals test_reaper test_child test_options test_dropin \
	test_report test_log test_seccomp test_users test_privileges \
	test_environment test_limits test_inittab
TESTERS = terminal window relay
ESCAPES = $(patsubst tests/%.sh,%,$(wildcard tests/escapes-*.sh))
SUITES  = build style layers readme entrypoint containers idioms input dropin boot faults fuzz \
	sandbox sandbox-input sandbox-places limits security cves cves-commands $(ESCAPES) \
	network network-clients sandbox-faults doctor programs \
	payloads engines engines-logs engines-doctor engines-cri images fresh cross vm device

# ---- flags and architectures -------------------------------------------------

WARN    = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Wvla -Wundef $(if $(WERROR),-Werror)
HARDEN  = -fPIE -fstack-protector-strong
LEAN    = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-unwind-tables
LINK    = -static-pie -s \
	-Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code \
	-Wl,--build-id=none,--gc-sections

B       = build
PRODUCT = pith
STD     = -std=c11 -D_GNU_SOURCE -I.

# make ARCH=aarch64|armhf|riscv64 builds $(PRODUCT) for that architecture, with Debian's cross
# compiler and a fetched musl; or with CC alone if CC belongs to musl, as on Alpine. A variable
# ARCH of the environment is ignored, as it may have another meaning.
ifeq (command,$(firstword $(origin ARCH)))
B       = build/$(ARCH)
PRODUCT = $B/pith
CROSS   = $(or $(CROSS_$(ARCH)),$(error ARCH is aarch64, armhf or riscv64))
CROSS_aarch64 = aarch64-linux-gnu
CROSS_armhf   = arm-linux-gnueabihf
CROSS_riscv64 = riscv64-linux-gnu
ifeq (default,$(origin CC))
CC      = $(CROSS)-gcc
endif
# Repeat flags that gcc does not pass to the linker for armhf and riscv64. Kernels of
# aarch64 have pages of up to 64 KiB.
LINK   += -Wl,-static,-pie,--no-dynamic-linker,-z,text $(LINK_$(ARCH))
LINK_aarch64 = -Wl,-z,max-page-size=65536
# Fetched files at the paths that Debian's native packages have below /.
FETCHED = build/packages/$(ARCH)
OF_ARCH = $(if $(filter $(firstword $(subst -, ,$(CROSS)))%,$(MACHINE)),,\
	$(error $(CC) is for $(MACHINE), not for $(ARCH)))$(call \
	OF_MUSL,:,sh tests/fetch.sh $(ARCH))
else
ARCH    =
endif

# A cc that belongs to musl (Alpine) can link a static-pie. Debian's musl-gcc silently makes a
# dynamic one, so on Debian the host's gcc gets musl's start files, headers and library by
# name.
#
# ONCE asks the compiler at the first use, and only then: in `make deps demo` it is not
# installed before.
ONCE    = $(eval $(1) := $(2))$($(1))
MACHINE = $(call ONCE,MACHINE,$(shell $(CC) -dumpmachine))
TRIPLET = $(call ONCE,TRIPLET,$(shell $(CC) -print-multiarch))
OF_CC   = $(shell $(CC) -print-file-name=$(1))
MUSL    = $(subst -gnu,-musl,$(TRIPLET))

DEBIAN_CFLAGS = $(call ONCE,DEBIAN_CFLAGS,-nostdinc -isystem $(FETCHED)/usr/include/$(MUSL) \
	-isystem $(call OF_CC,include) -idirafter $B/kernel-headers)
DEBIAN_LINK = -nostartfiles -nodefaultlibs -L$(FETCHED)/usr/lib/$(MUSL) \
	$(FETCHED)/usr/lib/$(MUSL)/rcrt1.o $(FETCHED)/usr/lib/$(MUSL)/crti.o \
	$(1) -o $(2) -Wl,--start-group -lc -lgcc -Wl,--end-group \
	$(FETCHED)/usr/lib/$(MUSL)/crtn.o

OF_MUSL = $(if $(findstring musl,$(MACHINE)),$(1),$(2))
MUSL_LINK = $(call OF_MUSL,$(1) -o $(2),$(call DEBIAN_LINK,$(1),$(2)))
MUSL_CC = $(CC) $(STD) $(CPPFLAGS) $(CFLAGS) $(WARN) $(HARDEN) $(LEAN) \
	$(call OF_MUSL,,$(DEBIAN_CFLAGS))

# Print one short line a step; V=1 prints the whole command.
RUN_CC  = @$(if $(V),,echo "  $(1)	$@";) $(if $(V),set -x;) $(2)

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: all check soak images lint coverage bench bench-machine peers size \
	demo deps deps-all install dist clean

all: $(PRODUCT)

$(PRODUCT): $(OBJECTS:%=$B/%)
	$(call RUN_CC,LINK,$(CC) $(CFLAGS) $(HARDEN) $(LEAN) $(LINK) $(LDFLAGS) \
	    $(call MUSL_LINK,$(OBJECTS:%=$B/%),$@))

$B/%.o: %.c Makefile | $B/kernel-headers
	@mkdir -p $(@D)
	$(call RUN_CC,CC,$(MUSL_CC) -MMD -c $< -o $@)

-include $(OBJECTS:%.o=$B/%.d)

# Link the kernel's headers into a directory without glibc's headers.
INCLUDE = $(FETCHED:%=$(CURDIR)/%)/usr/include
$B/kernel-headers:
	@$(OF_ARCH)
	@mkdir -p $@
	@for d in linux asm-generic mtd; do ln -sfn $(INCLUDE)/$$d $@/$$d; done
	@ln -sfn $(INCLUDE)/$(TRIPLET)/asm $@/asm

# ---- tests -------------------------------------------------------------------

# Build static programs that suites and the benchmark run under pith, on any root. An
# attack_NAME acts as a hostile command, root or local user.
ATTACKS = $(patsubst tests/%.c,$B/%,$(wildcard tests/attack_*.c))
$B/probe $B/true $B/stamp $B/floor $B/forbid $B/escape $B/escape_calls $B/machine_init \
    $(ATTACKS): \
    $B/%: tests/%.c Makefile | $B/kernel-headers
	$(call RUN_CC,LINK,$(MUSL_CC) $(LINK) $(call MUSL_LINK,$<,$@))

# Give the floor of a sandbox pith's own filter of system calls.
$B/floor_sandbox: tests/floor_sandbox.c $B/sandbox/seccomp.o $B/cli/log.o $B/cli/memory.o \
    Makefile | $B/kernel-headers
	$(call RUN_CC,LINK,$(MUSL_CC) $(LINK) $(call MUSL_LINK,$(filter-out \
	    Makefile,$^),$@))

CHECK_LIBS = $$(pkg-config --cflags --libs check)
HOST_CFLAGS = $(STD) -g -O1 $(WARN)
ifneq (,$(SAN))
HOST_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer tests/sanitizers.c
endif

# Compile the units again with the host's cc, as libcheck is built for glibc.
$B/unit$(SAN): tests/unit.c $(UNITS:%=tests/%.c) tests/suites.h \
    $(OBJECTS:%.o=%.c) $(wildcard *.h cli/*.h sandbox/*.h boot/*.h) Makefile
	@mkdir -p $(@D)
	$(call RUN_CC,HOSTCC,$(CC) $(HOST_CFLAGS) -o $@ tests/unit.c \
	    $(UNITS:%=tests/%.c) $(filter-out init.c,$(OBJECTS:%.o=%.c)) \
	    $(CHECK_LIBS))

# On other architectures test the objects of the binary itself; Check works with musl.
UNIT_CHECK = build/packages/$(ARCH)-check
build/packages/%:
	@sh tests/fetch.sh $*
$B/unit-musl: tests/unit.c tests/check_musl.c $(UNITS:%=tests/%.c) tests/suites.h \
    $(filter-out $B/init.o,$(OBJECTS:%=$B/%)) Makefile | $(UNIT_CHECK)
	$(call RUN_CC,LINK,$(MUSL_CC) -idirafter $(UNIT_CHECK)/usr/include $(LINK) \
	    $(call MUSL_LINK,$(filter-out Makefile %.h,$^) \
	    $(UNIT_CHECK)/usr/lib/$(TRIPLET)/libcheck_pic.a \
	    $(UNIT_CHECK)/usr/lib/$(TRIPLET)/libsubunit.a,$@))

# Build pith with the sanitizers, for the black-box suites: needs glibc.
$B/pith-san: $(OBJECTS:%.o=%.c) $(wildcard *.h cli/*.h sandbox/*.h boot/*.h) Makefile
	@mkdir -p $(@D)
	$(call RUN_CC,HOSTCC,$(CC) $(HOST_CFLAGS) -o $@ $(OBJECTS:%.o=%.c))

# Build the relay's tests, which have their own launcher.
$B/relay: tests/relay.c sandbox/terminal.c sandbox/terminal.h fds.c cli/log.c Makefile
	@mkdir -p $(@D)
	$(call RUN_CC,HOSTCC,$(CC) $(STD) -g -O1 $(WARN) -o $@ tests/relay.c \
	    sandbox/terminal.c fds.c cli/log.c $(CHECK_LIBS) -lutil)

$B/%: tests/%.c Makefile
	@mkdir -p $(@D)
	$(call RUN_CC,HOSTCC,$(CC) $(STD) -g -O1 $(WARN) -o $@ $< \
	    $(CHECK_LIBS) -lutil)

# With sanitizers run only the suites that test behaviour.
ifeq (,$(SAN))
TESTED = pith
RUN = unit $(TESTERS) $(SUITES)
else
TESTED = $B/pith-san
RUN = unit terminal entrypoint input dropin
endif

BUILT = $(TESTED) $B/probe $B/true $B/forbid $B/escape $B/escape_calls $B/machine_init $(ATTACKS) \
	$(patsubst $B/unit,$B/unit$(SAN),$(addprefix $B/,$(filter unit $(TESTERS),$(RUN))))
TEST  = MAKE="$(MAKE)" CC="$(CC)" N=$(N) MUST_RUN=$(MUST_RUN) SAN=$(SAN) \
	PITH=$(CURDIR)/$(TESTED) PROBE=$(CURDIR)/$B/probe B=$(CURDIR)/$B sh tests/run.sh

# ONLY=words runs the tests whose names contain them; RUN=suites runs those suites.
check: $(BUILT)
	@$(TEST) $(RUN)

# Repeat ten times as often.
soak:
	@$(MAKE) check N=10

images: pith
	@$(TEST) images

bench: pith $B/bench $B/true $B/floor $B/bench_sandbox $B/floor_sandbox
	@$B/bench $(CURDIR)/pith tests/bench.svg; s=$$?; \
	    $B/bench_sandbox $(CURDIR)/pith $(CURDIR)/$B/floor_sandbox \
	    $(CURDIR)/$B/true && \
	    PITH=$(CURDIR)/pith B=$(CURDIR)/$B sh tests/bench_network.sh 5 && exit $$s

# Measure a sandbox again with cgroup v2, in the virtual machine.
bench-machine: pith $B/probe $B/true $B/stamp $B/machine_init $B/bench_sandbox \
    $B/floor_sandbox
	@MACHINE_PACKAGES='crun runc' MAKE="$(MAKE)" CC="$(CC)" N=1 MUST_RUN= \
	    SAN= ONLY= PITH=$(CURDIR)/pith B=$(CURDIR)/$B \
	    sh tests/machine.sh -c v2 -s 1500 figures
	@PITH=$(CURDIR)/pith B=$(CURDIR)/$B sh tests/device_bench.sh

# Run the attempts of the security suite against other sandboxes: README's table.
peers: $(BUILT)
	@PEERS=$(CURDIR)/$B/peers.md ONLY='withstands attacks that are also tried' \
	    $(TEST) security >$B/peers.log || { cat $B/peers.log; exit 1; }
	@cat $B/peers.md

size: pith
	@sh tests/size.sh ./pith

demo: pith
	@sh tests/demo.sh ./pith

# ---- static analysis and coverage --------------------------------------------

SOURCES = $(OBJECTS:%.o=%.c)

lint: pith
	for c in $(SOURCES); do \
	    $(MUSL_CC) -Werror -O2 -fanalyzer -c $$c \
		-o $B/analyzed.o || exit 1; done
	@# Find strings in tables that lack room for the NUL; gcc 15 warns by itself.
	! for c in $(SOURCES); do \
	    $(MUSL_CC) -Wno-error -Wc++-compat -fsyntax-only $$c 2>&1; done | \
	    grep 'too long for C++'
	clang-tidy --quiet $(SOURCES) -- $(STD)
	cppcheck -q --std=c11 --error-exitcode=1 -I. --inline-suppr \
	    --enable=warning,performance,portability \
	    --suppress=nullPointerRedundantCheck --suppress=ctuuninitvar \
	    --suppress=arrayIndexOutOfBoundsCond $(SOURCES)  # blind to _Noreturn
	shellcheck -x -S warning -e SC1007,SC2010,SC2034 tests/*.sh .ci/run
	mandoc -T lint -W warning pith.8

# Build pith with counters and run the suites that test behaviour.
COVERED = $B/coverage
coverage:
	@rm -rf $(COVERED)
	@mkdir -p $(COVERED)/cli $(COVERED)/sandbox $(COVERED)/boot
	@for c in $(SOURCES); do $(CC) $(STD) -O0 --coverage -I. \
	    -include tests/coverage.h -c $$c -o $(COVERED)/$${c%.c}.o; done
	$(call RUN_CC,HOSTCC,$(CC) --coverage $(OBJECTS:%=$(COVERED)/%) \
	    -o $(COVERED)/pith)
	-@$(MAKE) -s check TESTED=$(COVERED)/pith \
	    RUN="$(TESTERS) entrypoint input dropin"
	@gcovr --root . --object-directory $(COVERED) --exclude tests/

# ---- installation and release ------------------------------------------------

# Install what the goals beside it need: make deps demo, make deps check lint ...
deps:
	@sh tests/deps.sh $(strip $(ARCH) $(filter-out deps,$(MAKECMDGOALS)))

deps-all:
	@sh tests/deps.sh all

install: $(PRODUCT)
	install -D -m 755 $(PRODUCT) $(DESTDIR)$(PREFIX)/bin/pith
	install -D -m 644 pith.8 $(DESTDIR)$(PREFIX)/share/man/man8/pith.8

# Make a tarball of the committed sources, the binary, and their checksums.
NAME = pith-$(VERSION)
dist: $(PRODUCT)
	@mkdir -p dist
	git archive --prefix=$(NAME)/ HEAD | gzip -9n >dist/$(NAME).tar.gz
	cp $(PRODUCT) dist/$(NAME)-$(firstword $(subst -, ,$(MACHINE)))
	cd dist && sha256sum $(NAME)* >SHA256SUMS

clean:
	rm -rf $B dist $(PRODUCT)
