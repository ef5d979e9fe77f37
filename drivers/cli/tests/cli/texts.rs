//! Texts that the program has about itself: completions, manual pages, the schema, pages of the book.

use serde_json::Value;

use crate::bench::Bench;

/// Commands that people type.
const COMMANDS: [&str; 8] = ["demo", "catalog", "run", "plan", "worker", "render", "inspect", "completions"];

#[test]
fn every_shell_has_completions_of_every_command() {
    let bench = Bench::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = bench.zagg(&["completions", shell]).exits(0);
        assert_eq!(said.err, "", "{shell}");
        for command in COMMANDS {
            assert!(said.out.contains(command), "{shell}: {command}");
        }
        assert!(said.out.contains("max-retries"), "{shell}");
    }
    let said = bench.zagg(&["completions", "cmd"]).exits(2);
    assert!(said.err.contains("powershell"), "{said:?}");
}

#[test]
fn manual_pages_are_one_for_the_program_and_one_for_each_command() {
    let bench = Bench::empty();
    let page = bench.zagg(&["man"]).exits(0).out;
    assert!(page.contains(".TH zagg 1") && page.contains("zagg\\-run(1)"), "{page}");
    assert_eq!(bench.zagg(&["man", "--output", "man"]).exits(0).out, "");
    let names = std::fs::read_dir(bench.path("man")).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for command in COMMANDS {
        assert!(names.contains(&format!("zagg-{command}.1")), "{command}: {names:?}");
    }
    assert!(names.contains(&"zagg-config-schema.1".to_owned()));
    assert!(!names.iter().any(|name| name.contains("reference") || name.contains("probe")), "{names:?}");
    let again = bench.zagg(&["man", "--output", "man"]).exits(0);
    assert_eq!(again.err, "");
    bench.write("file", "");
    bench.zagg(&["man", "--output", "file/man"]).exits(1);
}

#[test]
fn the_schema_is_json_and_of_layers_nothing_is_required() {
    let bench = Bench::empty();
    let whole = bench.zagg(&["config", "schema"]).exits(0).json();
    let layer = bench.zagg(&["config", "schema", "--layer"]).exits(0).json();
    assert_eq!(whole["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(whole["required"].as_array().unwrap().len(), 3);
    assert_eq!(layer["required"], Value::Null);
    let keys = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&whole), keys(&layer));
}

#[test]
fn pages_of_the_book_are_the_same_each_time() {
    let bench = Bench::empty();
    for (page, words) in [
        ("cli", ["## zagg run", "`--max-retries N` | `2`"]),
        ("pipeline", ["`filters[].op`", "## `output.grid` with `type: healpix`"]),
        ("plugins", ["| `weighted_quantile` |", "| `cmr-stac` |"]),
    ] {
        let text = bench.zagg(&["reference", page]).exits(0).out;
        assert_eq!(text, bench.zagg(&["reference", page]).exits(0).out);
        for word in words {
            assert!(text.contains(word), "{page}: {word}");
        }
        assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')), "{page}");
    }
}
