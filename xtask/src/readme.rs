//! The commands that the README promises: its first two, so that what CI runs and what users read are one thing.

use crate::Result;
use crate::process::root;

/// The demo and the test command, as words.
pub(crate) struct Commands {
    pub(crate) demo: Vec<String>,
    pub(crate) test: Vec<String>,
}

/// The two commands at the top of the README.
pub(crate) fn commands() -> Result<Commands> {
    let text =
        std::fs::read_to_string(root().join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Commands> {
    let mut lines = code_lines(text).into_iter();
    let mut next = |word: &str| {
        let line =
            lines.next().ok_or("README.md: its code blocks must start with the demo and the test command")?;
        let command = line.split(" #").next().unwrap_or_default();
        let words: Vec<String> = command.split_whitespace().map(String::from).collect();
        // They are run without a shell, so nothing that a shell would expand may be in them.
        if words.first().is_none_or(|first| first != "cargo") || !words.iter().any(|have| have == word) {
            return Err(format!(
                "README.md: {line:?} stands where a cargo command with {word:?} is expected"
            ));
        }
        if let Some(odd) =
            words.iter().find(|word| word.contains(['"', '\'', '$', '|', '>', '<', ';', '&', '*']))
        {
            return Err(format!("README.md: {odd:?} needs a shell: write a plain command"));
        }
        Ok(words)
    };
    Ok(Commands { demo: next("demo")?, test: next("test")? })
}

/// The lines of the fenced or indented code blocks that are commands.
fn code_lines(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let line = line.trim();
            let line = line.strip_prefix("$ ").unwrap_or(line);
            if !line.is_empty() && !line.starts_with('#') {
                out.push(line);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_first_two_commands_are_found() {
        let text = "# zagg\n\n```sh\n# try it\ncargo run --release -- demo   # the job\n```\n\n    $ cargo test --workspace\n";
        let commands = parse(text).unwrap();
        assert_eq!(commands.demo, ["cargo", "run", "--release", "--", "demo"]);
        assert_eq!(commands.test, ["cargo", "test", "--workspace"]);
    }

    #[test]
    fn other_commands_are_refused() {
        for text in [
            "nothing",
            "```\ncargo run -- demo\n```",
            "```\ncargo test\ncargo run -- demo\n```",
            "```\ncargo run -- demo > x\ncargo test\n```",
            "```\nrm demo\ncargo test\n```",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
