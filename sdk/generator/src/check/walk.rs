// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the table `format`, value by value. What follows them becomes a tree.

use std::collections::HashSet;
use std::ops::Range;

use num_bigint::BigUint;

use super::number::Number;
use crate::format::{Key, Rule, Word};
use crate::json::{Data, Entry, Value};
use crate::problem::{Path, Problem, quoted, suggest};
use crate::source::Source;

/// Values that are right, by key; the wrong ones are left out.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub data: Leaf,
    pub span: Range<usize>,
}

#[derive(Debug, Default)]
pub(super) enum Leaf {
    /// A value that is wrong, or one that needs no look: of `AnyObject`.
    #[default]
    Opaque,
    Bool(bool),
    Whole(BigUint),
    Number(f64),
    Text(String),
    Object(Vec<Branch>),
}

#[derive(Debug)]
pub(super) struct Branch {
    pub key: String,
    pub key_span: Range<usize>,
    pub tree: Tree,
}

impl Tree {
    pub fn branches(&self) -> &[Branch] {
        match &self.data {
            Leaf::Object(branches) => branches,
            _ => &[],
        }
    }

    pub fn get(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, key| {
            tree.branches()
                .iter()
                .find(|branch| branch.key == *key)
                .map(|branch| &branch.tree)
        })
    }

    pub fn text(&self, path: &[&str]) -> Option<&str> {
        match &self.get(path)?.data {
            Leaf::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn whole(&self, path: &[&str]) -> Option<&BigUint> {
        match &self.get(path)?.data {
            Leaf::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub fn small(&self, path: &[&str]) -> Option<u32> {
        u32::try_from(self.whole(path)?).ok()
    }

    pub fn number(&self, path: &[&str]) -> Option<f64> {
        match &self.get(path)?.data {
            Leaf::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn bool(&self, path: &[&str]) -> Option<bool> {
        match &self.get(path)?.data {
            Leaf::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

/// The most mistakes that are told of a file; nobody reads more.
const MAX_PROBLEMS: usize = 1000;

pub(super) struct Walk<'a> {
    pub source: &'a Source,
    pub problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    /// The tree of a value that follows its rule, perhaps with branches left out.
    pub fn value(&mut self, rule: &Rule, value: Value<'_>, path: &Path) -> Option<Tree> {
        let span = value.span();
        let data = match value.data() {
            Ok(data) => data,
            Err(error) => {
                let message = format!("this is no Unicode text: {}", error.message);
                self.refuse(error.at..error.at + 1, path, message);
                return None;
            }
        };
        let data = match (rule, data) {
            (Rule::Keys(keys), Data::Object(entries)) => {
                Leaf::Object(self.keys(keys, entries, &span, path))
            }
            (Rule::Names(word, rule), Data::Object(entries)) => {
                Leaf::Object(self.names(word, rule, entries, &span, path))
            }
            (Rule::AnyObject, Data::Object(entries)) => {
                self.repeated(&entries, path);
                Leaf::Text(value.text().to_string())
            }
            (Rule::Word(word), Data::Text(text)) => {
                self.word(word, &text, &span, path)?;
                Leaf::Text(text)
            }
            (Rule::Text { min, max }, Data::Text(text)) => {
                let length = text.chars().count();
                if length < *min || length > *max {
                    let message = format!("{length} characters");
                    self.push(
                        Problem::new(self.source, span, path, message).allowed(allowed(rule)),
                    );
                    return None;
                }
                Leaf::Text(text)
            }
            (Rule::Choice(choices), Data::Text(text)) => {
                if !choices.contains(&text.as_str()) {
                    let message = format!("{} is none of the choices", quoted(&text));
                    let mut problem =
                        Problem::new(self.source, span, path, message).allowed(allowed(rule));
                    problem.suggestion = suggest(&text, choices.iter().copied());
                    self.push(problem);
                    return None;
                }
                Leaf::Text(text)
            }
            (Rule::OneOf(numbers), Data::Number(text)) => match Number::parse(text) {
                Number::Whole(n) if numbers.iter().any(|&one| n == BigUint::from(one)) => {
                    Leaf::Whole(n)
                }
                _ => return self.wrong_number(rule, text, span, path),
            },
            (Rule::Whole { min, max }, Data::Number(text)) => match Number::parse(text) {
                Number::Whole(n)
                    if n >= BigUint::from(*min)
                        && max.is_none_or(|max| n <= BigUint::from(max)) =>
                {
                    Leaf::Whole(n)
                }
                _ => return self.wrong_number(rule, text, span, path),
            },
            (Rule::Number { min, max }, Data::Number(text)) => match text.parse::<f64>() {
                Ok(n) if n >= f64::from(*min) && n <= f64::from(*max) => Leaf::Number(n),
                _ => return self.wrong_number(rule, text, span, path),
            },
            (Rule::Bool, Data::Bool(value)) => Leaf::Bool(value),
            (Rule::True, Data::Bool(true)) => Leaf::Bool(true),
            (_, data) => {
                let message = format!("{} is not what belongs here", describe(&data));
                self.push(Problem::new(self.source, span, path, message).allowed(allowed(rule)));
                return None;
            }
        };
        Some(Tree { data, span })
    }

    fn keys(
        &mut self,
        keys: &[Key],
        entries: Vec<Entry<'_>>,
        span: &Range<usize>,
        path: &Path,
    ) -> Vec<Branch> {
        let found = self.repeated(&entries, path);
        for key in keys
            .iter()
            .filter(|key| key.required && !found.contains(key.name))
        {
            let message = "this key is required".to_string();
            let at = span.start..span.start + 1;
            self.push(
                Problem::new(self.source, at, &path.with(key.name), message)
                    .allowed(allowed(&key.rule)),
            );
        }
        let mut branches = Vec::new();
        for Entry {
            key: name,
            key_span,
            value,
        } in entries
        {
            if self.is_full() {
                break;
            }
            let path = path.with(&name);
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let message = format!("there is no key {} here", quoted(&name));
                let names = || keys.iter().map(|key| key.name);
                let mut problem = Problem::new(self.source, key_span, &path, message)
                    .allowed(names().collect::<Vec<_>>().join(", "));
                let free = names().filter(|name| !found.contains(*name));
                problem.suggestion = suggest(&name, free);
                self.push(problem);
                continue;
            };
            if let Some(tree) = self.value(&key.rule, value, &path) {
                branches.push(Branch {
                    key: name,
                    key_span,
                    tree,
                });
            }
        }
        branches
    }

    fn names(
        &mut self,
        word: &Word,
        rule: &Rule,
        entries: Vec<Entry<'_>>,
        span: &Range<usize>,
        path: &Path,
    ) -> Vec<Branch> {
        self.repeated(&entries, path);
        if entries.is_empty() {
            self.refuse(span.clone(), path, "at least one is required".into());
        }
        let mut branches = Vec::new();
        for Entry {
            key,
            key_span,
            value,
        } in entries
        {
            let path = path.with(&key);
            let name = self.word(word, &key, &key_span, &path);
            let tree = self.value(rule, value, &path);
            if let (Some(()), Some(tree)) = (name, tree) {
                branches.push(Branch {
                    key,
                    key_span,
                    tree,
                });
            }
        }
        branches
    }

    fn word(&mut self, word: &Word, text: &str, span: &Range<usize>, path: &Path) -> Option<()> {
        let message = if !(word.is)(text) || word.max.is_some_and(|max| text.len() > max) {
            format!("{} is not of the right form", quoted(text))
        } else if word
            .reserved
            .binary_search_by(|one| one.as_str().cmp(text))
            .is_ok()
        {
            format!("`{text}` is {}", word.why_reserved)
        } else {
            return Some(());
        };
        let problem = Problem::new(self.source, span.clone(), path, message);
        self.push(problem.allowed(word.allowed));
        None
    }

    /// The keys. A second entry of one is refused.
    fn repeated(&mut self, entries: &[Entry<'_>], path: &Path) -> HashSet<String> {
        let mut found = HashSet::new();
        for entry in entries {
            if self.is_full() {
                break;
            }
            if found.contains(&entry.key) {
                let message = "this key is there twice".to_string();
                self.refuse(entry.key_span.clone(), &path.with(&entry.key), message);
            } else {
                found.insert(entry.key.clone());
            }
        }
        found
    }

    fn wrong_number<T>(
        &mut self,
        rule: &Rule,
        text: &str,
        span: Range<usize>,
        path: &Path,
    ) -> Option<T> {
        let shown = text
            .get(..40)
            .map_or(text.to_string(), |start| format!("{start}…"));
        let message = format!("{shown} is not what belongs here");
        self.push(Problem::new(self.source, span, path, message).allowed(allowed(rule)));
        None
    }

    fn refuse(&mut self, span: Range<usize>, path: &Path, message: String) {
        self.push(Problem::new(self.source, span, path, message));
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }
}

fn describe(data: &Data<'_>) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(true) => "true",
        Data::Bool(false) => "false",
        Data::Number(_) => "a number",
        Data::Text(_) => "a string",
        Data::Array => "an array",
        Data::Object(_) => "an object",
    }
}

fn allowed(rule: &Rule) -> String {
    match rule {
        Rule::Keys(keys) => {
            let names: Vec<_> = keys.iter().map(|key| key.name).collect();
            format!("an object with {}", names.join(", "))
        }
        Rule::Names(word, _) => format!("an object whose names are {}", word.allowed),
        Rule::AnyObject => "an object".into(),
        Rule::Word(word) => word.allowed.into(),
        Rule::Text { min: 0, .. } => "a string".into(),
        Rule::Text { min, max } => format!("a string of {min} to {max} characters"),
        Rule::Choice(choices) => choices.join(", "),
        Rule::OneOf(numbers) => numbers
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Rule::Whole {
            min,
            max: Some(max),
        } => format!("a whole number from {min} to {max}"),
        Rule::Whole { min, max: None } => {
            format!("a whole number from {min} to what the width holds")
        }
        Rule::Number { min, max } => format!("a number from {min} to {max}"),
        Rule::Bool => "true or false".into(),
        Rule::True => "true".into(),
    }
}
