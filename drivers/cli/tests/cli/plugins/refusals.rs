//! What is no plugin for this program is refused with one line.

use std::fs;
use std::path::PathBuf;

use super::{library, text};
use crate::bench::{Bench, Ended};

/// Checks that it was refused with one line that has these pieces.
#[track_caller]
fn refused(ended: Ended, pieces: &[&str]) {
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("zagg: error: ") && ended.err.len() < 1000, "{}", ended.err);
    for piece in pieces {
        assert!(ended.err.contains(piece), "no {piece:?} in {}", ended.err);
    }
    assert_eq!(ended.out, "");
    ended.exits(1);
}

fn list(bench: &Bench, path: &str) -> Ended {
    bench.zagg(&["--plugin-path", path, "plugins", "list"])
}

/// A library of the system, which every process here has.
fn library_of_the_system() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("/libc.so") || line.contains("/libc-")).unwrap();
    line.split_whitespace().last().unwrap().into()
}

#[test]
fn what_is_no_plugin_is_refused_with_one_line() {
    let bench = Bench::empty();
    bench.write("libtext.so", "this is no library");
    let whole = fs::read(library("sound")).unwrap();
    bench.write("libshort.so", &whole[..5000]);
    fs::create_dir(bench.path("folder")).unwrap();
    refused(list(&bench, "none.so"), &["plugin library none.so: ", "No such file"]);
    refused(list(&bench, "libtext.so"), &["libtext.so: this is no shared library"]);
    refused(list(&bench, "libshort.so"), &["libshort.so: this is a shared library that is cut short"]);
    refused(list(&bench, "folder"), &["plugins in folder: there is no library (.so) in this folder"]);
    let system = library_of_the_system();
    refused(list(&bench, text(&system)), &["there is no zagg plugin in it", "--features library"]);
}

#[test]
fn libraries_for_other_versions_are_refused_with_both_versions() {
    let bench = Bench::empty();
    for (name, version) in [("older", "0.0.9"), ("newer", "0.2.0")] {
        let path = library(name);
        let ours = env!("CARGO_PKG_VERSION");
        let told = format!(
            "it was built for zagg-core {version}, this program has zagg-core {ours}: build the plugin again"
        );
        refused(list(&bench, text(&path)), &[&format!("lib{name}.so"), &told]);
    }
}

#[test]
fn names_that_are_there_already_are_refused_with_both_origins() {
    let bench = Bench::empty();
    let path = library("sound");
    fs::create_dir(bench.path("folder")).unwrap();
    fs::copy(&path, bench.path("folder/libcopy.so")).unwrap();
    let ended = bench.zagg(&["plugins", "list", "--plugin-path", text(&path), "--plugin-path", "folder"]);
    refused(ended, &["is offered twice: by zagg-test-plugins 0.", "libsound.so)", "libcopy.so)"]);
    // The same file by two names is one library.
    std::os::unix::fs::symlink(&path, bench.path("linked.so")).unwrap();
    bench.zagg(&["plugins", "list", "--plugin-path", text(&path), "--plugin-path", "linked.so"]).exits(0);
}

#[test]
fn the_variable_names_libraries_and_folders() {
    let bench = Bench::empty();
    let (sound, faulty) = (library("sound"), library("faulty"));
    fs::create_dir(bench.path("folder")).unwrap();
    fs::copy(&sound, bench.path("folder/libplugin.so")).unwrap();
    let names = |value: &str| {
        let mut command = bench.command(&["plugins", "list", "--format", "json"]);
        let ended = Ended::of(command.env("ZAGG_PLUGIN_PATH", value).output().unwrap());
        let list = ended.exits(0).json();
        let name = |r: &serde_json::Value| r["name"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    let has = |names: &[String], name: &str| names.iter().any(|n| n == name);
    let both = names(&format!(":folder:{}", text(&faulty)));
    assert!(has(&both, "test-sum") && has(&both, "endless-sum"), "{both:?}");
    assert!(!has(&names(""), "test-sum"));
}
