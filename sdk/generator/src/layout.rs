// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the fields of an object lie in its contexts.

use serde::Serialize;

use crate::schema::Schema;

/// The contexts of one object. Object `n` of a table begins at context `n * contexts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    pub object: String,
    pub contexts: u32,
    pub fields: Vec<Place>,
}

/// Place of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub field: String,
    /// Bits.
    pub width: u32,
    pub parts: Vec<Part>,
}

/// Bits of a field in one context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// From the first context of the object.
    pub context: u32,
    /// Bits of the context that are used, from bit 0. The others are 0.
    pub bits: u32,
    /// The bit of the field that lies in bit 0 of the context.
    pub from: u32,
}

impl Layout {
    pub fn of(schema: &Schema) -> Layout {
        let mut next = 0;
        let fields = schema.fields.iter().map(|field| {
            let parts = (0..field.contexts())
                .map(|at| Part {
                    context: next + at,
                    bits: (field.width - 64 * at).min(64),
                    from: 64 * at,
                })
                .collect();
            next += field.contexts();
            Place {
                field: field.name.clone(),
                width: field.width,
                parts,
            }
        });
        let fields = fields.collect();
        Layout {
            object: schema.full_name(),
            contexts: next,
            fields,
        }
    }

    /// The first context of each field.
    pub fn starts(&self) -> Vec<u32> {
        self.fields
            .iter()
            .map(|place| place.parts[0].context)
            .collect()
    }
}

impl std::fmt::Display for Layout {
    /// A table in text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = if self.contexts == 1 { "" } else { "s" };
        writeln!(
            f,
            "{}: {} context{s}, {} bytes of state",
            self.object,
            self.contexts,
            8 * u64::from(self.contexts)
        )?;
        writeln!(f, "{:>7}  {:>7}  field", "context", "bits")?;
        for place in &self.fields {
            for part in &place.parts {
                let bits = format!("0..{}", part.bits - 1);
                write!(f, "{:>7}  {bits:>7}  {}", part.context, place.field)?;
                match place.parts.len() {
                    1 => writeln!(f)?,
                    _ => writeln!(f, "[{}..{}]", part.from, part.from + part.bits - 1)?,
                }
            }
        }
        Ok(())
    }
}
