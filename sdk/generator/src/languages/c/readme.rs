// SPDX-License-Identifier: MIT OR Apache-2.0
//! The package's README. Its programs compile as they are.

use super::code::wrap;
use crate::escape;
use crate::generate::Object;
use crate::languages::{description, layout_table};

const BEGINNING: &str = "# Objects of schemas in C

Headers for C99 and C++17, in `include`: nothing to link, and no memory but the objects' own.
`make test` holds them to the vectors, which all languages are tested with;
`make test CORE=DIR`, with the directory of `atomik_core.h`, does so in a table as well.
";

const TABLE: &str = "
`<atomik/table.h>` takes a table of `atomik_core.h`, and is the only header that includes it.
Objects of one type lie in it in a row. Programs in other languages use the same objects at the
same time:

- What touches several contexts is one batch: nobody sees half of it. That is a value of 128 or 256
  bits, `update`, `compare_update`, `contexts`, `reset`, and a `rollback` of several accums.
- What depends on the state, such as setting a bit, is done again where somebody was faster, so
  that nothing is lost.
- `attach` changes nothing; `reset` gives the fields their default values.
- The history is the C object's own. Give each thread its own object, and its own copy of the
  `atomik_table_t`.

A call that fails changes nothing, and `rollback` can still undo what it could before. States and
deltas are 0 then, messages have no bytes, `compare_update` returns false, and `apply` returns
`ATOMIKOBJ_MESSAGE_STORE`. The table keeps the first error: ask `atomik_table_error` where the
difference matters. That `compare_update` found other states is no error.

Other stores than tables can be had by a function that does a batch: see `atomikobj_store_t`.
";

pub(super) fn readme(objects: &[Object<'_>]) -> String {
    let mut text = BEGINNING.to_string();
    if let Some(object) = objects.first() {
        text += &format!(
            "\n## In the process\n\n{}\n## In a table, on `/dev/atomik`\n\n{}",
            in_process(object),
            in_table(object)
        );
        text += TABLE;
    }
    for object in objects {
        let places = object.schema.places();
        text += &format!(
            "\n## {}\n\n{}\n\n`{}_t`, in `<{}>`.\n\n",
            object.schema.catalogue.object,
            escape::markdown(&description(object.schema)),
            places.c_prefix,
            places.c_header
        );
        text += &layout_table(object.schema);
    }
    text
}

fn in_process(object: &Object<'_>) -> String {
    let places = object.schema.places();
    let (p, field) = (&places.c_prefix, &object.schema.fields[0].name);
    let code = format!(
        "#include <{}>\n\nint main(void)\n{{\n\tstatic {p}_t object;\n\n\t{p}_init(&object);\n\
         \t{p}_swap_{field}(&object);\n\treturn 0;\n}}\n",
        places.c_header
    );
    format!("```c\n{}```\n", wrap(&code))
}

fn in_table(object: &Object<'_>) -> String {
    let places = object.schema.places();
    let (p, field) = (&places.c_prefix, &object.schema.fields[0].name);
    let contexts = format!("{}_CONTEXTS", p.to_uppercase());
    let code = format!(
        "#define ATOMIK_DEVICE\n#define ATOMIK_IMPLEMENTATION\n#include <atomik_core.h>\n\n\
         #include <atomik/table.h>\n#include <{}>\n\n#include <stdio.h>\n\n\
         int main(void)\n{{\n\tstatic {p}_t object;\n\tatomik_table_t table;\n\n\
         \t/* Room for eight. Without the device they are in the process. */\n\
         \tif (atomik_table_open(&table, 8 * {contexts}) != ATOMIK_OK)\n\
         \t\tatomik_table_init(&table, 8 * {contexts});\n\
         \t{p}_attach(&object, atomikobj_on_table(&table), 3);\n\
         \t{p}_reset(&object);\n\t{p}_swap_{field}(&object);\n\
         \tif (atomik_table_error(&table) != ATOMIK_OK)\n\
         \t\tprintf(\"%s\\n\", atomik_strerror(atomik_table_error(&table)));\n\
         \tatomik_table_free(&table);\n\treturn 0;\n}}\n",
        places.c_header
    );
    format!("```c\n{}```\n", wrap(&code))
}
