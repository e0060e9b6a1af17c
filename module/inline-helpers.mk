# SPDX-License-Identifier: GPL-2.0
# Builds module/atomik.o with the kernel's C helpers inlined; see Kbuild.

# The flags of gcc that clang lacks.
gcc-only := -mno-fp-ret-in-387 -mpreferred-stack-boundary=% -mskip-rax-setup \
	-mindirect-branch% -mfunction-return=% -mrecord-mcount -mstack-protector-guard% \
	-fconserve-stack -falign-jumps=% -falign-loops=% -fno-ipa-cp-clone -fno-ipa-sra \
	-fno-partial-inlining -fplugin-arg-% -fplugin=% -fno-reorder-blocks \
	-fno-allow-store-data-races -fno-inline-functions-called-once \
	-fmin-function-alignment=% -fno-isolate-erroneous-paths-dereference --param=% \
	-fno-stack-clash-protection -fdiagnostics-show-context% -fzero-init-padding-bits=% \
	-fsanitize=bounds-strict -mabi=lp64
clang := $(llvm-clang) --target=$(if $(CONFIG_ARM64),aarch64,x86_64)-linux-gnu

generating := $(filter-out $(gcc-only) -Wp$(comma)% -include %.h,$(KBUILD_CFLAGS)) -w

# A newer gcc may have more of them.
ifeq ($(shell $(clang) $(generating) -x c -c -o /dev/null /dev/null 2>/dev/null && echo y),)
$(info atomik: this clang lacks a flag of the kernel's gcc; the helpers are called, not inlined)
else

# If this clang can't compile the kernel's headers, there are no helpers to inline.
quiet_cmd_helpers = HELPER  $@
      cmd_helpers = $(clang) $(filter-out $(gcc-only),$(c_flags)) -w \
	-D__rust_helper=__always_inline $(addprefix -include ,$(helpers)) \
	-g0 -emit-llvm -x c -c -o $@ /dev/null || { \
		echo 'The messages above are no failure: the helpers are called instead.'; \
		echo '$@: /dev/null' >$(depfile); \
		$(clang) -emit-llvm -x c -c -o $@ /dev/null; }

# Helpers in use become part of the bitcode, and the others vanish, as with a library of built-ins.
# The bitcode itself has the flags of code generation (no red zone, thunks for returns), from rustc.
quiet_cmd_rustc_inline = RUSTC $(quiet_modtag) $@
      cmd_rustc_inline = $(rust_common_cmd) --emit=llvm-bc=$(@:.o=.bc) $< ; \
	$(clang) $(generating) \
	-Xclang -mlink-builtin-bitcode -Xclang $(obj)/module/helpers.bc \
	-c -o $@ $(@:.o=.bc) $(cmd_objtool)

define rule_rustc_inline
	$(call cmd_and_fixdep,rustc_inline)
	$(call cmd,gen_objtooldep)
endef

targets += module/helpers.bc
$(obj)/module/helpers.bc: FORCE
	$(call if_changed_dep,helpers)

$(obj)/module/atomik.o: $(src)/module/atomik.rs $(obj)/module/helpers.bc FORCE
	+$(call if_changed_rule,rustc_inline)

endif
