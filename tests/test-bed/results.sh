# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Results of tests that are scripts, in the words of Rust's. To be sourced.

passed=0 failed=0

# tell TEST OK INSTEAD [FILE]: reports a test, which has passed where OK is `ok`. Otherwise INSTEAD
# says what happened, and the file says more.
tell() {
    if [[ $2 == ok ]]; then
        echo "test ${0##*/}: $1 ... ok"
        passed=$((passed + 1))
    else
        echo "test ${0##*/}: $1 ... FAILED: $3"
        [[ -z ${4-} ]] || cat "$4"
        failed=$((failed + 1))
    fi
}

# tell_result: reports the number of tests; fails where one has failed.
tell_result() {
    echo "test result: $passed passed; $failed failed"
    ((failed == 0))
}
