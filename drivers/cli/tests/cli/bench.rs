//! A folder with granules, and the program to run in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};

/// The granules that most tests use. The first two tracks run side by side, the third crosses them.
pub(crate) const NAMES: [&str; 3] = [
    "ATL06_20240103031520_02612211_006_01.h5",
    "ATL06_20240107030701_03222211_006_01.h5",
    "ATL06_20240113140532_04212211_006_01.h5",
];

/// The program.
pub(crate) const ZAGG: &str = env!("CARGO_BIN_EXE_zagg");

/// One of [`NAMES`]: 200 km of six beams, some 11,000 rows in a handful of shards.
pub(crate) fn spec(number: usize) -> GranuleSpec {
    let direction = if number < 2 { Direction::Descending } else { Direction::Ascending };
    let longitude = 60.0 + 3.0 * number as f64;
    GranuleSpec {
        segments_per_beam: 2_000,
        segment_spacing: 100.0,
        seed: 7 + number as u64,
        ..GranuleSpec::new(NAMES[number])
    }
    .through(-85.6, longitude, direction)
    .unwrap()
}

/// The file of one of [`NAMES`].
pub(crate) fn bytes(number: usize) -> &'static [u8] {
    static FILES: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    FILES[number].get_or_init(|| write_granule(&spec(number)).unwrap())
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let ended = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        ended
    }

    /// Checks the exit code and gives the outcome back.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Checks that it was refused with this one line and printed no data.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32, message: &str) {
        assert_eq!(
            (self.err.as_str(), self.out.as_str()),
            (format!("zagg: error: {message}\n").as_str(), "")
        );
        self.exits(code);
    }

    /// Checks that a line on standard error is one warning with all these pieces.
    #[track_caller]
    pub(crate) fn warns(&self, pieces: &[&str]) {
        let found = self.err.lines().any(|line| {
            line.starts_with("zagg: warning: ") && pieces.iter().all(|piece| line.contains(piece))
        });
        assert!(found, "no warning with {pieces:?} in:\n{}", self.err);
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}", self.out))
    }
}

/// A folder of its own for one test.
#[derive(Debug)]
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with the three granules in `granules/`.
    pub(crate) fn with_granules() -> Self {
        let bench = Self::empty();
        for (number, name) in NAMES.iter().enumerate() {
            bench.write(&format!("granules/{name}"), bytes(number));
        }
        bench
    }

    /// A folder with the three granules and their shard map `map.json`.
    pub(crate) fn with_map() -> Self {
        let bench = Self::with_granules();
        bench.catalog().exits(0);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Makes a granule, replacing one of that name.
    pub(crate) fn make(&self, spec: &GranuleSpec) {
        self.write(&format!("granules/{}", spec.name), write_granule(spec).unwrap());
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The program with these arguments, in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ZAGG);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    pub(crate) fn zagg(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Catalogues `granules/` into `map.json`.
    pub(crate) fn catalog(&self) -> Ended {
        self.zagg(&["catalog", "--plugin", "atl06", "--from-files", "granules/*.h5", "--output", "map.json"])
    }

    /// Runs `map.json` with the preset into `out.zarr`.
    pub(crate) fn run(&self, more: &[&str]) -> Ended {
        self.run_into("out.zarr", more)
    }

    pub(crate) fn run_into(&self, store: &str, more: &[&str]) -> Ended {
        let mut arguments =
            vec!["run", "--plugin", "atl06", "--catalog", "map.json", "--store", store, "--workers", "2"];
        arguments.extend(more);
        self.zagg(&arguments)
    }

    /// Runs and gives the summary.
    #[track_caller]
    pub(crate) fn summary(&self, code: i32, more: &[&str]) -> Value {
        self.run(&[&["--format", "json"], more].concat()).exits(code).json()
    }

    /// Every file below a folder with its content, empty when there is no such folder.
    pub(crate) fn tree(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.path(name);
        collect(&root, &root, &mut files);
        files
    }

    /// Names of what lies in the folder itself.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A JSON file.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// State of `out.zarr` as its root says.
    pub(crate) fn state(&self) -> String {
        self.json("out.zarr/zarr.json")["attributes"]["zagg"]["state"].as_str().unwrap().to_string()
    }

    /// Labels of the shards of `map.json`, ascending as the program orders them.
    pub(crate) fn shards(&self) -> Vec<String> {
        let plan = self.run(&["--dry-run", "--format", "json"]).exits(0).json();
        plan["shards"].as_array().unwrap().iter().map(|label| label.as_str().unwrap().to_string()).collect()
    }

    /// Labels of the shards that have a record beside `out.zarr`.
    pub(crate) fn shards_of_records(&self) -> Vec<String> {
        let label = |name: String| name.strip_suffix(".json").map(str::to_owned);
        self.tree("out.zarr.zagg/shards").into_keys().filter_map(label).collect()
    }

    /// Changes `map.json`.
    pub(crate) fn edit_map(&self, change: impl FnOnce(&mut Value)) {
        let mut map = self.json("map.json");
        change(&mut map);
        self.write("map.json", map.to_string());
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}
