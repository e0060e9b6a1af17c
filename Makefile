# SPDX-License-Identifier: MIT OR Apache-2.0
#
# `make help` lists the targets. Everything is built in a Debian root, which qemu/root makes, and
# runs in a guest, which qemu/run boots, so that neither the host's release nor its kernel matters.

# The kernel of the guest: 7.3, 7.2, 7.3-amd64, 7.3-arm64, newest, forky, debug; empty for the
# default.
KERNEL ?=
# The Debian suite by whose compilers everything is built: the kernel's.
SUITE := $(firstword $(filter forky sid,$(subst -, ,$(KERNEL))) $(SUITE) trixie)
export SUITE
SMP ?= 2
# How long `make fuzz` goes on, and the seed of its programs; by default another one each time. The
# shell sets a SECONDS of its own, but doesn't export it.
SECONDS ?= 60
SEED ?=
# More arguments for qemu/run, such as RUN="--verbose".
RUN ?=

# Programs for this machine, and for the guest, which may be of another architecture.
arch := $(shell qemu/arch $(KERNEL))
built := target/guest$(addprefix -,$(filter-out trixie,$(SUITE)))
programs := $(built)/$(shell uname -m)-unknown-linux-gnu
guest_programs := $(built)/$(if $(filter arm64,$(arch)),aarch64,x86_64)-unknown-linux-gnu
cargo := qemu/cargo
guest_cargo := qemu/cargo --arch $(arch)
run := qemu/run $(if $(KERNEL),--kernel $(KERNEL)) --smp $(SMP) $(RUN)
# Shell scripts, for shellcheck, which follows what they source.
scripts := install.sh dkms.conf .ci/run bench/compare sdk/root tests/in-guests \
	tests/try-newest \
	userspace-tool/examples/changed.sh \
	userspace-tool/examples/cluster/node userspace-tool/examples/cluster/run \
	$(shell find qemu packaging tests/install tests/replicate tests/stress tests/test-bed \
		sdk/python -type f -executable -exec grep -l '^\#!/bin/\(ba\)\?sh' {} +) \
	tests/install/scripts/prelude.sh $(wildcard packaging/deb/debian/*inst packaging/deb/debian/*rm)

# The program that measures, and the plugin with which QEMU counts: a library, so not static.
bench := $(programs)/release/bench
plugin := target/plugin/release/libatomik_bench_plugin.so
bench_options = --plugin $(plugin) $(if $(KERNEL),--kernel $(KERNEL)) $(ONLY:%=--only %) \
	$(if $(filter-out $(programs),$(guest_programs)),--programs $(guest_programs))
# For bench-profile and bench-compare: beginnings of the names that `make bench` prints.
ONLY ?=

.PHONY: help vectors demo demo-cluster test test-everything test-bed test-host test-guest \
	test-debug test-replicate test-stress test-install test-scripts try-newest fuzz module tool examples \
	replicator deb size shell kernel-table lint fmt doc clean setup bench bench-replicate \
	bench-machines bench-count bench-compare bench-check bench-picture bench-document bench-profile bench-programs \
	install-image install-programs

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what the host lacks, with apt
	@qemu/setup

demo: setup ## mirror the guest's /proc/vmstat through the device, and verify it
	@$(guest_cargo) build --release --locked --package atomik --example mirror
	@$(run) -- $(guest_programs)/release/examples/mirror

demo-cluster: tool replicator ## mirror /proc/vmstat of three guests in one replicated table, and compare
	@userspace-tool/examples/cluster/run $(guest_programs)/tool $(if $(KERNEL),--kernel $(KERNEL)) $(RUN)

test: test-host test-scripts test-sdk test-guest test-sdk-guest test-bed ## the tests of one kernel

test-everything: ## all tests of all kernels; .ci/run takes a part of them
	@.ci/run --everything

try-newest: setup ## once a month: which parts work with the newest kernels and compilers of Debian
	@tests/try-newest $(KERNEL)

test-host: setup ## the tests that need no kernel
	@$(cargo) test --locked --workspace --exclude atomik-tests --exclude atomik-bench-plugin \
		--exclude atomik-sdk-c --exclude atomik-python --exclude atomik-sdk-generator

test-scripts: setup ## the tests of install.sh and of what DKMS runs, in Debian roots
	@tests/install/scripts/run

# Test programs that test-guest runs, each in a guest of its own.
PROGRAMS ?= guest,alone
test-guest: setup tool examples ## the tests of the loaded driver
	@KERNEL="$(KERNEL)" tests/in-guests "$(PROGRAMS)"

# PART=driver leaves out the tests of programs: what the debug kernel notices is in the driver.
PART ?=
program_tests := atomikctl examples library library_watch patterns readme sdk_c session \
	snapshot_file stream top vectors watch
test-debug: setup tool examples ## the same with sanitizers, lockdep, leak checks, injected faults
	@tests/test-bed/debug-kernel
	@KERNEL=debug tests/in-guests "$(PROGRAMS),faults" $(if $(PART),$(program_tests:%=--skip %::))

test-bed: setup ## the tests of the test bed itself: guests, environments, stale archives
	@tests/test-bed/archive
	@tests/test-bed/newest
	@KERNEL="$(KERNEL)" tests/test-bed/environment
	@KERNEL="$(KERNEL)" tests/test-bed/runner

# LONG=yes for the long form; SEED for the random choices of a run before.
LONG ?=
test-replicate: setup ## replicated tables of guests over nats-server, while all of it dies
	@KERNEL="$(KERNEL)" tests/replicate/run $(if $(LONG),long,short) $(SEED)

# Seconds for which stress-ng works.
STRESS_SECONDS ?=
test-stress: setup ## run stress-ng and trinity, of Debian, against the device
	@KERNEL="$(KERNEL)" STRESS_SECONDS="$(STRESS_SECONDS)" tests/stress/run --nocapture

# Scenarios of tests/install, with commas; by default all.
SCENARIOS ?=
test-install: setup ## install.sh in full Debian guests, as users run it
	@qemu/root >/dev/null
	@$(MAKE) --no-print-directory --jobs=2 install-image install-programs
	@tests/install/run "$(SCENARIOS)"

install-image: setup
	@tests/install/run --images "$(SCENARIOS)"

# The programs that the scenarios install. Building the packages takes minutes, and most scenarios
# don't look at them; their description is checked by making the driver's.
chosen = $(or $(SCENARIOS),packages install-arm64)
install-programs: tool replicator
	@$(if $(findstring arm64,$(chosen)),$(MAKE) --no-print-directory tool replicator KERNEL=7.3-arm64)
	@packaging/deb/build $(if $(findstring packages,$(chosen)),,driver)
	@$(cargo) build --locked --package atomik-install-test

fuzz: setup ## fuzz the ioctls for SECONDS, with KERNEL=debug by coverage; failures become tests
	@$(cargo) build --release --locked --package atomik-fuzz
	@$(programs)/release/fuzz --kernel "$(KERNEL)" --smp $(SMP) --seconds $(SECONDS) \
		$(if $(SEED),--seed $(SEED)) --corpus "$${XDG_CACHE_HOME:-$$HOME/.cache}/atomik/fuzz-corpus"

module: setup ## build atomik.ko for the guest's kernel
	@qemu/module $(KERNEL)

tool: setup ## build atomikctl, static
	@$(guest_cargo) build --profile tool --locked --package atomikctl
	@echo $(guest_programs)/tool/atomikctl

replicator: setup ## build atomik-replicate, static
	@$(guest_cargo) build --profile tool --locked --package atomik-replicator
	@echo $(guest_programs)/tool/atomik-replicate

examples: setup ## build the examples of the crate, static
	@$(guest_cargo) build --locked --package atomik --examples

vectors: setup ## write the vectors of tests/vectors, of what the model there says
	@$(cargo) run --quiet --locked --package atomik-vectors

size: tool replicator ## how large the programs are, and of how many crates they and the library are made
	@qemu/in-root size --format=sysv $(programs)/tool/atomikctl | awk -v OFS='\t' \
		'/^\.(text|rodata|data\.rel\.ro|eh_frame|rela\.dyn|gcc_except_table) / { print $$1, $$2 }'
	@cd $(programs)/tool && stat --format='%n	%s' atomikctl atomik-replicate
	@for what in atomikctl 'atomikctl --no-default-features' atomik-replicator atomik; do \
		$(cargo) tree --locked --package $$what --edges normal,no-proc-macro --prefix none \
			--format '{p}' | sort -u | \
			awk -v what="$$what" '!/ \(\// { n++ } END { print "crates of " what "\t" n }'; done

# Architectures to build them for: amd64, arm64, or only that of this machine.
DEB_ARCHS ?=
deb: setup ## build the Debian packages, in target/deb; for DEB_ARCHS="amd64 arm64"
	@for arch in $(or $(DEB_ARCHS),""); do packaging/deb/build $$arch || exit; done

shell: tool ## an interactive guest
	@$(run) --tty --file $(guest_programs)/tool/atomikctl=/usr/bin/atomikctl

kernel-table: ## compare the README's table with the tests' records in target/tested; UPDATE=yes writes it
	@$(cargo) build --quiet --locked --package atomik-install-test
	@$(programs)/debug/kernel-table $(if $(UPDATE),--update) README.md target/tested

bench-programs: tool
	@$(cargo) build --quiet --release --locked --package atomik-bench
	@$(guest_cargo) build --quiet --release --locked --package atomik-bench --bin guest-bench
	@qemu/in-root env CARGO_TARGET_DIR=target/plugin \
		cargo build --quiet --release --locked --package atomik-bench-plugin

bench: bench-programs ## count instructions and compare times, in the guest; saves target/bench
	@$(bench) run $(bench_options)

bench-replicate: replicator ## print what replicated tables cost, beside NATS KV and Redis, in one guest
	@$(guest_cargo) build --profile tool --locked --package atomik-bench-replication
	@nats=$$(qemu/roots/nats-server) && redis=$$(qemu/roots/redis-server) && \
	qemu/run $(if $(KERNEL),--kernel $(KERNEL)) --steady-time --cpu max,-erms,-fsrm --mem 2G \
		--file $(guest_programs)/tool/atomik-replicate=/usr/bin/atomik-replicate \
		--file "$$nats=/usr/bin/nats-server" --file "$$redis=/usr/lib/redis" $(RUN) \
		-- $(guest_programs)/tool/bench-replication

bench-compare: bench-programs ## what changed in the counts since BASE=COMMIT; ONLY=NAME… chooses
	@KERNEL="$(KERNEL)" bench/compare "$(BASE)" $(bench) $(bench_options)

bench-check: bench-programs ## compare counts with bench/expected; UPDATE=yes writes it and its picture
	@$(bench) check $(bench_options) $(if $(UPDATE),--update) bench/expected

bench-picture: bench-programs ## draw docs/speed.svg from bench/expected
	@$(bench) picture bench/expected

bench-document: bench-programs ## renew growth.svg and performance.md in docs from `make bench`
	@$(bench) document target/bench/bench.json

# The kernels that are compared.
MACHINES ?= 7.3-cloud-amd64 7.3-arm64
bench-machines: setup ## renew the table of performance.md that compares x86-64 and arm64
	@mkdir -p target/bench
	@for kernel in $(MACHINES); do \
		$(MAKE) --no-print-directory bench-count KERNEL=$$kernel || exit; \
	done
	@$(bench) machines $(MACHINES:%=target/bench/%.json)

bench-count: bench-programs
	@$(bench) count $(bench_options) --output target/bench/$(KERNEL).json

bench-profile: bench-programs ## where the instructions of ONLY=NAME… go, such as single/accum
	@$(bench) profile $(bench_options)

lint: setup ## rustfmt, clippy for both sides, rustdoc, shellcheck
	qemu/in-root rustfmt --edition 2021 --check module/atomik.rs
	$(cargo) fmt --all --check
	$(cargo) clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(cargo) clippy --quiet --locked --package atomik --all-targets -- -D warnings
	$(cargo) clippy --quiet --locked --package atomikctl --no-default-features -- -D warnings
	$(cargo) doc --quiet --locked --workspace --no-deps --config "build.rustdocflags=['-Dwarnings']"
	qemu/module --clippy $(KERNEL)
	qemu/in-root shellcheck -x $(scripts)

doc: setup ## the documentation of the crate, with all features, in target/guest/…/doc/atomik
	@$(cargo) doc --quiet --locked --package atomik --no-deps --all-features
	@echo $(programs)/doc/atomik/index.html

fmt: setup ## format all sources
	qemu/in-root rustfmt --edition 2021 module/atomik.rs
	$(cargo) fmt --all

include sdk/sdk.mk

clean: ## remove what was built here; the cache stays
	rm -rf target
