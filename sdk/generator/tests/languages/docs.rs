// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages of Markdown.

use super::cases;
use atomik_sdk_generator::{Language, Source, check, generate};

#[test]
fn page() {
    let schemas = check(&[Source::new("a", cases::BASE)]).unwrap();
    let files = generate(&schemas, &[Language::Docs]);
    let page = &files["docs/Video.Stream.H264Delta.md"];
    for part in [
        "# Video.Stream.H264Delta\n\nMacroblocks of a stream\n\nVersion 1.2.0.\n",
        "      2    0..63  gain[0..63]\n",
        "| `gain` | parameter_delta | 256 | 2 to 5 | raw | rle | 0x0 |\n",
        "- `load_flags`, `accum_flags`, `swap_flags`, `read_flags`, `set_flags_bit`, ",
        "- `rollback`, of the last 65536 accums\n",
        "| Time of an update | at most 0.5 ms |\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
