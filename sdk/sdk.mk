# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The interfaces for other languages. Their compilers and tools are in a Debian root of their own,
# which sdk/root makes.

scripts += tests/vectors/changes sdk/generator/fuzz sdk/generator/guest-programs sdk/python/guest

# As $(cargo), there.
cargo_sdk = $(cargo) --root "$$(sdk/root)"

.PHONY: test-sdk test-sdk-c test-sdk-python test-sdk-generator test-sdk-guest test-wheels \
	sdk-examples fuzz-sdk wheel bench-python

test-sdk: test-sdk-c test-sdk-python test-sdk-generator ## the tests of these interfaces, on the host

test-sdk-c: setup ## the C header, with each compiler and standard, on the host
	@$(cargo_sdk) test --locked --package atomik-sdk-c

test-sdk-python: setup ## the Python package, its stubs and its README, on the host
	@sdk/python/test

# Always the same arbitrary schemas; fuzz-sdk looks at others.
test-sdk-generator: setup ## schemas, and the packages made from them, on the host
	@PROPTEST_RNG_SEED=1 $(cargo_sdk) test --locked --package atomik-sdk-generator

fuzz-sdk: setup ## look at arbitrary schemas for SECONDS, and at all that right ones are made into
	@sdk/generator/fuzz "$(SECONDS)"

sdk-examples: tool ## write the packages of sdk/examples into target/sdk, and say how to use them
	@$(programs)/tool/atomikctl sdk generate sdk/examples/*.json --out target/sdk \
		--atomik-crate userspace-tool/lib

test-sdk-guest: setup tool ## Python, and programs of one schema, on the device, in the guest
	@sdk/python/install $(arch) >/dev/null
	@KERNEL="$(KERNEL)" sdk/python/guest-test

wheel: setup ## build the Python package, for each Python and processor, in target/wheel
	@sdk/python/wheel all

test-wheels: setup ## what is in these wheels, and that the sources build
	@sdk/python/test-wheels

bench-python: setup ## compare the Python package with the same classes in plain Python
	@sdk/python/bench/run
