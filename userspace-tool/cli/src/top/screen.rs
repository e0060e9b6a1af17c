// SPDX-License-Identifier: MIT OR Apache-2.0

//! The screen of `top`.

use std::io::stdout;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, List, ListState, Paragraph};
use ratatui::{DefaultTerminal, Frame, Terminal, prelude::CrosstermBackend};

use super::open_files::{OpenFiles, Row};
use super::terminal::{self, Guard};
use crate::failure::Failure;
use crate::format::hex;

/// Shows the files until the user ends it.
pub fn run(mut files: OpenFiles, interval: Duration) -> Result<(), Failure> {
    let guard = Guard::new()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    show(&mut terminal, &guard, &mut files, interval)
}

fn show(
    terminal: &mut DefaultTerminal,
    guard: &Guard,
    files: &mut OpenFiles,
    interval: Duration,
) -> Result<(), Failure> {
    let mut next = Instant::now() + interval;
    files.look_inside();
    let mut drawn = false;
    loop {
        if guard.was_taken_back() {
            terminal.clear()?;
            drawn = false;
        }
        if files.has_changed() || !drawn {
            terminal.draw(|frame| draw(frame, files))?;
            drawn = true;
        }
        let left = next.saturating_duration_since(Instant::now());
        // Keys are read however long drawing and looking take.
        if event::poll(left)? {
            // The key may choose something else, and the size may be another.
            drawn = false;
            match key(&event::read()?) {
                Key::End => return Ok(()),
                Key::Stop => terminal::stop(),
                Key::Up => files.choose(false),
                Key::Down => files.choose(true),
                Key::Table => files.next_table(),
                Key::None => continue,
            }
            files.look_inside();
        } else {
            files.refresh()?;
            files.look_inside();
            next = Instant::now() + interval;
        }
    }
}

enum Key {
    End,
    Stop,
    Up,
    Down,
    Table,
    None,
}

fn key(event: &Event) -> Key {
    let Event::Key(key) = event else {
        // For example a change of size, which drawing takes into account.
        return Key::None;
    };
    if key.kind == KeyEventKind::Release {
        return Key::None;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::End,
        KeyCode::Char('z') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Stop,
        KeyCode::Char('q') | KeyCode::Esc => Key::End,
        KeyCode::Char('k') | KeyCode::Up => Key::Up,
        KeyCode::Char('j') | KeyCode::Down => Key::Down,
        KeyCode::Tab => Key::Table,
        _ => Key::None,
    }
}

fn draw(frame: &mut Frame<'_>, files: &OpenFiles) {
    let rows = u16::try_from(files.rows().len()).unwrap_or(u16::MAX);
    let [heading, list, detail, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Max(rows.saturating_add(1).max(2)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());

    let bold = Style::new().add_modifier(Modifier::BOLD);
    let open = match files.rows().len() {
        0 => "nobody has the device open".into(),
        1 => "1 open file".into(),
        n => format!("{n} open files"),
    };
    let title = format!("atomik: {open}");
    let lines = vec![
        Line::styled(title, bold),
        Line::styled(Row::heading(), bold),
    ];
    frame.render_widget(Paragraph::new(lines), heading);

    let items = files.rows().iter().map(ToString::to_string);
    let items = List::new(items).highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = ListState::default().with_selected(Some(files.chosen_index()));
    frame.render_stateful_widget(items, list, &mut state);

    frame.render_widget(changes(files), detail);
    let help = "arrows choose a file   Tab the next table   q ends";
    frame.render_widget(Paragraph::new(help), keys);
}

/// The changes in the chosen table.
fn changes(files: &OpenFiles) -> Paragraph<'_> {
    let title = match files.table() {
        Some((id, contexts)) => {
            format!(" table {id}, {contexts} contexts: changes (address, before, after) ")
        }
        None => " no table ".into(),
    };
    let mut lines: Vec<Line<'_>> = files.error().map(Line::from).into_iter().collect();
    lines.extend(files.changes().map(|&(addr, before, after)| {
        Line::from(format!("{addr:>5}  {}  {}", hex(before), hex(after)))
    }));
    if lines.is_empty() && files.has_looked() {
        lines.push(Line::from("no change yet"));
    }
    Paragraph::new(lines).block(Block::bordered().title(title))
}
