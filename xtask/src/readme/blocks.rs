//! The code blocks of a Markdown text.

/// What a block asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A line for a shell, and what stands behind its `#`.
    Command { line: String, comment: String },
    /// A file to write: its first line is its name as a comment.
    File { name: String, text: String },
    /// A script.
    Python(String),
}

/// The blocks of `sh`, `python`, and of `yaml` that begin with a name of a file; all others are for reading only.
pub(super) fn read(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else { continue };
        let block: Vec<&str> =
            lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
        match language.trim() {
            "sh" => found.extend(commands(&block)),
            "python" => found.push(Block::Python(block.join("\n"))),
            "yaml" => {
                if let Some(name) =
                    block.first().and_then(|line| line.strip_prefix("# ")).filter(|name| is_file(name))
                {
                    found.push(Block::File { name: name.to_owned(), text: block.join("\n") });
                }
            }
            _ => {}
        }
    }
    found
}

fn is_file(name: &str) -> bool {
    name.ends_with(".yaml") && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The commands of a block; one that ends in a backslash goes on in the next line.
fn commands(block: &[&str]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut begun = String::new();
    for line in block {
        let line = line.trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        if let Some(more) = line.strip_suffix('\\') {
            begun.push_str(more);
            continue;
        }
        begun.push_str(line);
        let whole = std::mem::take(&mut begun);
        let (line, comment) = match whole.split_once(" #") {
            Some((line, comment)) => (line.trim(), comment.trim()),
            None => (whole.as_str(), ""),
        };
        if !line.is_empty() && !line.starts_with('#') {
            found.push(Block::Command { line: line.to_owned(), comment: comment.to_owned() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_scripts_and_files_are_found_in_their_order() {
        let text = "a\n```sh\n$ x 'y#z' # why\n# only words\nlong \\\n  line\n```\n```text\nno\n```\n```yaml\n# f.yaml\na: 1\n```\n\
                    ```yaml\nb: 2\n```\n```python\np\nq\n```\n";
        let command =
            |line: &str, comment: &str| Block::Command { line: line.into(), comment: comment.into() };
        assert_eq!(
            read(text),
            [
                command("x 'y#z'", "why"),
                command("long line", ""),
                Block::File { name: "f.yaml".into(), text: "# f.yaml\na: 1".into() },
                Block::Python("p\nq".into()),
            ]
        );
    }
}
