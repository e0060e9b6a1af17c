# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The interfaces for other languages. Their compilers and tools are in a root of their own, which sdk/root makes.

# As $(cargo), there.
cargo_sdk = $(subst qemu/in-root,qemu/in-root --root "$$(sdk/root)",$(cargo))

.PHONY: test-sdk test-sdk-c

test-sdk: test-sdk-c ## the tests of these interfaces, on the host

test-sdk-c: setup ## the C header, with each compiler and standard, on the host
	@$(cargo_sdk) test --locked --package atomik-sdk-c
