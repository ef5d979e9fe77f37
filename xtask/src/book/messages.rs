//! The error messages that the page on troubleshooting explains must be messages of the program.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::process::root;

const PAGE: &str = "docs/src/troubleshooting.md";

/// What stands in a message for what differs from case to case.
const GAP: &str = "…";

/// Every heading of the page that is a message, ``### `message` ``, must stand in a text of the sources.
pub(super) fn check() -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let messages = headings(&page);
    let mut texts = Vec::new();
    for folder in ["zagg-core", "plugins", "drivers", "deployment"] {
        sources(&root().join(folder), &mut texts)?;
    }
    let unknown: Vec<&String> =
        messages.iter().filter(|message| !texts.iter().any(|text| text.contains(message.as_str()))).collect();
    for message in &unknown {
        println!("{PAGE}: no source says {message:?}");
    }
    println!("{} messages explained, {} texts in the sources", messages.len(), texts.len());
    match (messages.len(), unknown.len()) {
        (0..10, _) => {
            Err(format!("{PAGE}: hardly any message is explained; is each a heading, ### `message`?"))
        }
        (_, 0) => Ok(()),
        (_, n) => Err(format!("{PAGE}: {n} messages are none of the program's")),
    }
}

fn headings(page: &str) -> Vec<String> {
    let messages = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    messages.map(String::from).collect()
}

/// The texts of all Rust files below a folder, without tests of their own.
fn sources(folder: &Path, texts: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "benches", "examples", "target"].contains(&name.as_str()) {
                sources(&path, texts)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let source =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            // What tests expect is no message; they stand at the end.
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            texts.extend(literals(code));
        }
    }
    Ok(())
}

/// The string literals of a source, with gaps for what is put in, long ones in one piece.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in joined(source).lines().filter(|line| !line.trim_start().starts_with("//")) {
        let mut rest = line;
        while let Some(start) = rest.find('"') {
            let Some((literal, after)) = to_quote(&rest[start + 1..]) else { break };
            if literal.len() > 3 {
                found.push(with_gaps(&literal));
            }
            rest = after;
        }
    }
    found
}

/// The source with literals that go over several lines in one.
fn joined(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        match line.strip_suffix('\\') {
            Some(begun) => {
                out.push_str(begun);
                // The blanks before the next line's text are no part of the literal.
                for line in lines.by_ref() {
                    match line.trim_start().strip_suffix('\\') {
                        Some(more) => out.push_str(more),
                        None => {
                            out.push_str(line.trim_start());
                            break;
                        }
                    }
                }
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// What stands before the closing quote, and what behind it.
fn to_quote(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((literal, &text[at + 1..])),
            '\\' => literal.push(characters.next()?.1),
            c => literal.push(c),
        }
    }
    None
}

/// A format string with gaps in the place of what it puts in.
fn with_gaps(literal: &str) -> String {
    let mut out = String::new();
    let mut rest = literal;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            out.push_str(&brace[..1]);
            rest = &brace[2..];
        } else if let Some(end) = brace.find('}').filter(|_| brace.starts_with('{')) {
            // Two gaps in a row are one to who reads them.
            if !out.ends_with(GAP) {
                out.push_str(GAP);
            }
            rest = &brace[end + 1..];
        } else {
            out.push_str(&brace[..1]);
            rest = &brace[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_source_are_found_with_gaps_and_in_one_piece() {
        let source = "f(\"{name}: is not {other:?}; \\\n    say {{a}}\");\n// \"a comment\"\ng(\"say \\\"x\\\"\", \"{}\")";
        assert_eq!(literals(source), ["…: is not …; say {a}", "say \"x\""]);
    }

    #[test]
    fn only_headings_that_are_messages_count() {
        let page = "# T\n## The store\n### `…: is not here`\ntext `x`\n### Other\n";
        assert_eq!(headings(page), ["…: is not here"]);
    }
}
