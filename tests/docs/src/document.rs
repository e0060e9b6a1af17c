// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Document`]: a Markdown file, taken apart.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};

/// What a Markdown file has for the checks; lines are numbered from 1.
#[derive(Debug, Default)]
pub struct Document {
    pub text: String,
    /// The anchors of the headings, as GitHub makes them.
    pub anchors: BTreeSet<String>,
    /// Where links and pictures lead, unless it is another section of the same sentence.
    pub links: Vec<(usize, String)>,
    /// Code within a paragraph.
    pub code_spans: Vec<(usize, String)>,
    /// Code blocks, with their languages.
    pub code_blocks: Vec<(usize, String, String)>,
    /// HTML other than comments.
    pub html: Vec<usize>,
}

impl Document {
    /// Takes a Markdown text apart.
    pub fn parse(text: &str) -> Self {
        let mut document = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        let mut same = BTreeMap::new();
        let mut heading: Option<String> = None;
        let mut inside_code = false;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = 1 + text[..range.start].matches('\n').count();
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times = same.entry(slug.clone()).or_insert(0);
                    let anchor = match *times {
                        0 => slug,
                        n => format!("{slug}-{n}"),
                    };
                    *times += 1;
                    document.anchors.insert(anchor);
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    document.code_blocks.push((line, language, String::new()));
                    inside_code = true;
                }
                Event::End(TagEnd::CodeBlock) => inside_code = false,
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    document.code_spans.push((line, code.into_string()));
                }
                Event::Text(text) => {
                    if let Some((_, _, block)) =
                        document.code_blocks.last_mut().filter(|_| inside_code)
                    {
                        block.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Html(html) | Event::InlineHtml(html) if !html.starts_with("<!--") => {
                    document.html.push(line);
                }
                _ => {}
            }
        }
        document
    }

    /// Commands that the document shows: its code spans and the lines of its code blocks, without
    /// a prompt.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let spans = self.code_spans.iter();
        let blocks = self.code_blocks.iter().flat_map(|(line, _, block)| {
            let lines = block.lines();
            lines.map(move |text| (*line, text.strip_prefix("$ ").unwrap_or(text)))
        });
        spans
            .map(|(line, code)| (*line, code.as_str()))
            .chain(blocks)
    }

    /// The code blocks in a language.
    pub fn blocks_in<'a>(&'a self, language: &'a str) -> impl Iterator<Item = &'a str> {
        let blocks = self.code_blocks.iter();
        blocks.filter_map(move |(_, l, block)| (l == language).then_some(block.as_str()))
    }
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}
