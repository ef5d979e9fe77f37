//! The commands and options, from their definitions.

use clap::{Arg, Command, CommandFactory};

use super::{Table, code, codes, heading};
use crate::args::Arguments;

pub(super) fn page() -> String {
    let mut program = Arguments::command();
    program.build();
    let mut text = heading("Commands and options", "`zagg COMMAND --help` prints the same");
    text.push_str("What they do and mean is told in [Command line](command-line.md).\n\n");
    let mut all = Table::new(&["command", "does"]);
    for command in visible(&program) {
        let name = command.get_name();
        all.row([format!("[`zagg {name}`](#zagg-{name})"), about(command)]);
    }
    text.push_str(&all.text);
    text.push_str("\nEvery command also takes:\n\n");
    text.push_str(&options(program.get_arguments().filter(|arg| arg.is_global_set())));
    for command in visible(&program) {
        describe(&mut text, "zagg", command);
    }
    text
}

/// The subcommands that are there for people.
fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// A command and those below it.
fn describe(text: &mut String, above: &str, command: &Command) {
    let name = format!("{above} {}", command.get_name());
    let depth = "#".repeat(name.split(' ').count().min(6));
    text.push_str(&format!("\n{depth} {name}\n\n{}.\n\n", about(command).trim_end_matches('.')));
    let own = || {
        command
            .get_arguments()
            .filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help")
    };
    let places: Vec<String> = own().filter(|arg| arg.is_positional()).map(positional).collect();
    let mut usage = name.clone();
    for place in &places {
        usage.push(' ');
        usage.push_str(place);
    }
    if own().any(|arg| !arg.is_positional()) {
        usage.push_str(" [OPTIONS]");
    }
    if visible(command).next().is_some() {
        usage.push_str(if command.is_subcommand_required_set() { " COMMAND" } else { " [COMMAND]" });
    }
    text.push_str(&format!("```text\n{usage}\n```\n"));
    if own().next().is_some() {
        text.push('\n');
        text.push_str(&options(own()));
    }
    for sub in visible(command) {
        describe(text, &name, sub);
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn positional(arg: &Arg) -> String {
    let name = values(arg);
    let name = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
        format!("{name}…")
    } else {
        name
    };
    if arg.is_required_set() { name } else { format!("[{name}]") }
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().map(|names| names.join(" "));
    names.unwrap_or_else(|| arg.get_id().as_str().to_uppercase())
}

/// A table of arguments.
fn options<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut table = Table::new(&["option", "default", "meaning"]);
    for arg in arguments {
        let takes = arg.get_action().takes_values();
        let name = match (arg.get_long(), takes) {
            (Some(long), true) => format!("--{long} {}", values(arg)),
            (Some(long), false) => format!("--{long}"),
            (None, _) => values(arg),
        };
        let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        let default = if takes { codes(defaults) } else { String::new() };
        let mut meaning = arg.get_help().map(|help| escaped(&help.to_string())).unwrap_or_default();
        let words: Vec<String> = if takes {
            let words = arg.get_possible_values();
            words.iter().filter(|word| !word.is_hide_set()).map(|word| word.get_name().to_owned()).collect()
        } else {
            Vec::new()
        };
        if !words.is_empty() {
            meaning = format!("{}: {}", meaning.trim_end_matches('.'), codes(words));
        }
        let name = arg.get_short().map_or(name.clone(), |short| format!("-{short}, {name}"));
        table.row([code(&name), default, meaning]);
    }
    table.text
}

/// Text of a help message, which is no Markdown: what looks like a tag would vanish.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    for c in text.chars() {
        in_code ^= c == '`';
        if !in_code && matches!(c, '<' | '*' | '_' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
