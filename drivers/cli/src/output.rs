//! Data on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use zagg_core::{Error, Result};

use crate::failure::Failure;
use crate::logging;

/// Prints data. A reader that went away (`zagg … | head`) is no error.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    // Tables pad their last column.
    let text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::from_io(&error, "writing to standard output").into())
        }
        _ => Ok(()),
    }
}

/// Prints JSON, indented.
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Failure> {
    data(&format!("{value:#}"))
}

/// Tells the user something.
pub(crate) fn note(text: &str) {
    if logging::is_json() {
        return tracing::info!(target: "zagg", "{}", text.strip_prefix("zagg: ").unwrap_or(text));
    }
    // There is nobody left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Tells the user what went wrong.
pub(crate) fn error(text: &str) {
    if logging::is_json() {
        return tracing::error!(target: "zagg", "{text}");
    }
    note(&format!("zagg: error: {text}"));
}

/// Tells the user what to mind.
pub(crate) fn warning(text: &str) {
    if logging::is_json() {
        return tracing::warn!(target: "zagg", "{text}");
    }
    note(&format!("zagg: warning: {text}"));
}

/// Whether somebody watches standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal() && !logging::is_json()
}

/// A table of text, without lines when it goes to a pipe.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(if io::stdout().is_terminal() {
        presets::UTF8_HORIZONTAL_ONLY
    } else {
        presets::NOTHING
    });
    if let Some(width) = width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    table
}

/// A table of many columns. Where the terminal is too narrow, columns are left out in the order of `droppable` and named below,
/// before the words of the others are broken.
pub(crate) fn fitting(header: &[&str], rows: &[Vec<String>], droppable: &[usize]) -> String {
    let mut shown: Vec<usize> = (0..header.len()).collect();
    let mut gone = Vec::new();
    if let Some(width) = width() {
        let mut droppable = droppable.iter();
        while shown.iter().map(|&at| least(header, rows, at)).sum::<usize>() > usize::from(width) {
            let Some(&next) = droppable.next() else { break };
            shown.retain(|&at| at != next);
            gone.push(header.get(next).copied().unwrap_or_default());
        }
    }
    let mut table = table(&shown.iter().filter_map(|&at| header.get(at).copied()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(shown.iter().filter_map(|&at| row.get(at)));
    }
    if gone.is_empty() {
        return table.to_string();
    }
    let mut note = self::table(&[]);
    note.add_row(["left out", &gone.join(", ")]);
    format!("{table}\n{note}")
}

/// Columns of the terminal that a column needs with the space beside it.
fn least(header: &[&str], rows: &[Vec<String>], at: usize) -> usize {
    const SPACE: usize = 2;
    let values = rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
    header.get(at).copied().into_iter().chain(values).map(|text| text.chars().count()).max().unwrap_or(0)
        + SPACE
}

/// Columns of the terminal, or those that the variable COLUMNS asks for; without either, lines are as long as they are.
fn width() -> Option<u16> {
    // Narrower, every letter would stand on a line of its own.
    const NARROWEST: u16 = 40;
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse::<u16>().ok());
    let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0);
    asked.filter(|columns| *columns > 0).or_else(seen).map(|columns| columns.max(NARROWEST))
}

/// A number with separators for thousands.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes for people.
pub(crate) fn bytes(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(12_800_000), "12,800,000");
        assert_eq!((bytes(999), bytes(1_234_567)), ("999 B".to_string(), "1.2 MB".to_string()));
    }
}
