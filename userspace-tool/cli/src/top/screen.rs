// SPDX-License-Identifier: MIT OR Apache-2.0

//! The terminal program.

use std::io::stdout;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, List, ListState, Paragraph};
use ratatui::{DefaultTerminal, Frame, Terminal, prelude::CrosstermBackend};

use super::model::{Model, Row};
use super::terminal::{self, Guard};
use crate::failure::Failure;
use crate::format::hex;

/// Shows the model until the user has had enough.
pub fn run(mut model: Model, interval: Duration) -> Result<(), Failure> {
    let guard = Guard::new()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    show(&mut terminal, &guard, &mut model, interval)
}

fn show(
    terminal: &mut DefaultTerminal,
    guard: &Guard,
    model: &mut Model,
    interval: Duration,
) -> Result<(), Failure> {
    let mut next = Instant::now() + interval;
    model.look_inside();
    loop {
        if guard.was_taken_back() {
            terminal.clear()?;
        }
        terminal.draw(|frame| draw(frame, model))?;
        let left = next.saturating_duration_since(Instant::now());
        // A key is taken however long drawing and looking take.
        if event::poll(left)? {
            match key(&event::read()?) {
                Key::End => return Ok(()),
                Key::Stop => terminal::stop(),
                Key::Up => model.choose(false),
                Key::Down => model.choose(true),
                Key::Table => model.next_table(),
                Key::None => continue,
            }
            // What was chosen may be something else now.
            model.look_inside();
        } else {
            model.refresh()?;
            model.look_inside();
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
        // A change of size, say: drawing takes it into account.
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

fn draw(frame: &mut Frame<'_>, model: &Model) {
    let rows = u16::try_from(model.rows().len()).unwrap_or(u16::MAX);
    let [heading, files, detail, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Max(rows.saturating_add(1).max(2)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());

    let bold = Style::new().add_modifier(Modifier::BOLD);
    let open = match model.rows().len() {
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

    let items = model.rows().iter().map(ToString::to_string);
    let list = List::new(items).highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = ListState::default().with_selected(Some(model.chosen_index()));
    frame.render_stateful_widget(list, files, &mut state);

    frame.render_widget(changes(model), detail);
    let help = "arrows choose a file   Tab the next table   q ends";
    frame.render_widget(Paragraph::new(help), keys);
}

/// What changes in the chosen table.
fn changes(model: &Model) -> Paragraph<'_> {
    let title = match model.table() {
        Some((id, contexts)) => {
            format!(" table {id}, {contexts} contexts: changes (address, before, after) ")
        }
        None => " no table ".into(),
    };
    let mut lines: Vec<Line<'_>> = model.error().map(Line::from).into_iter().collect();
    lines.extend(model.changes().map(|&(addr, before, after)| {
        Line::from(format!("{addr:>5}  {}  {}", hex(before), hex(after)))
    }));
    if lines.is_empty() && model.has_looked() {
        lines.push(Line::from("no change yet"));
    }
    Paragraph::new(lines).block(Block::bordered().title(title))
}
