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
        "| JavaScript | `import { H264Delta } from '@atomik/video/stream'` |\n",
        "| Verilog | `module atomik_video_stream_h264_delta` |\n",
        DRAWING,
        "| `gain` | parameter_delta | 256 | 2 to 5 | raw | rle | 0x0 |\n",
        "(x, y, t) begins at bit (x + 4 y + 16 t) x 1 of\nthe field.\n",
        "| `flags` | `load_flags`, `accum_flags`, `swap_flags`, `read_flags`, `set_flags_bit`, ",
        "| `loadFlags`, `accumFlags`, `swapFlags`, `readFlags`, `setFlagsBit`, ",
        "`rollback` undoes the last accums, at most 65536.\n",
        "## Messages of `blocks`\n",
        "| 2 | `0102`, version 1.2 |\n| 1 to 9 | the delta: the count of zero bytes ",
        "The message of the delta 1 is `d159a9775e01020001caf01420`.\n",
        "| time of an update | at most 0.5 ms |\n",
        "| frequency of the Verilog | 94.5 MHz |\n| cycles of accum | 1 |\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

const DRAWING: &str = "
context   63                            0
         +-------------------------------+
      0  |///////////////////////////////|  blocks[63:0]
         +---------------------------+---+
      1  |                           |///|  flags[7:0]
         +---------------------------+---+
      2  |///////////////////////////////|  gain[63:0]
      3  |///////////////////////////////|  gain[127:64]
      4  |///////////////////////////////|  gain[191:128]
      5  |///////////////////////////////|  gain[255:192]
         +-------------------------------+
";
