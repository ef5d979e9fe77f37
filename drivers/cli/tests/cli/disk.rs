//! A disk that is full: made by a limit on the length of files, which needs no privileges, and a real one where file systems may
//! be mounted.
#![cfg(unix)]

use std::process::Command;

use crate::bench::{Bench, Ended, ZAGG};

/// Runs the program in a shell that lets no file grow beyond `blocks` of 512 bytes.
fn limited(bench: &Bench, blocks: u32, arguments: &[&str]) -> Ended {
    let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, ZAGG]).args(arguments).current_dir(bench.path(""));
    Ended::of(command.output().unwrap())
}

const RUN: [&str; 9] =
    ["run", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr", "--workers", "2"];

#[test]
fn a_full_disk_is_an_error_and_the_next_run_completes() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    let whole = bench.tree("whole.zarr");
    let largest_block =
        whole.iter().filter(|(name, _)| name.contains("/c/")).map(|(_, bytes)| bytes.len()).max().unwrap();
    assert!(largest_block > 1024, "the limits below must bite in blocks, too: {largest_block}");
    let mut codes = Vec::new();
    for blocks in [0, 1, 2, 4, 6, 8, 12, 16, 24, 32] {
        let said = limited(&bench, blocks, &RUN);
        let code = said.code.unwrap_or_else(|| panic!("killed by a signal with {blocks} blocks: {said:?}"));
        codes.push(code);
        if code != 0 {
            assert!(said.err.contains("File too large"), "{blocks} blocks: {said:?}");
            assert!(said.err.contains("out.zarr"), "the file is named: {said:?}");
            assert!(said.err.lines().all(|line| line.starts_with("zagg: ")), "{said:?}");
        }
        assert!(!bench.exists("out.zarr.zagg/lock"), "{blocks} blocks");
        assert!(bench.tree("out.zarr.zagg/tmp").is_empty(), "{blocks} blocks");
        if bench.exists("out.zarr/zarr.json") && code != 0 {
            assert_ne!(bench.state(), "complete", "{blocks} blocks");
        }
        bench.run(&[]).exits(0);
        assert_eq!(bench.tree("out.zarr"), whole, "after {blocks} blocks");
        std::fs::remove_dir_all(bench.path("out.zarr")).unwrap();
        std::fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    }
    assert_eq!(codes[0], 1, "without a single byte nothing ran: {codes:?}");
    assert!(codes.contains(&3), "where the template fits and a block does not, it ran: {codes:?}");
}

#[test]
fn blocks_that_do_not_fit_fail_their_shards_only() {
    let bench = Bench::with_granules();
    // Blocks of 16,384 cells that are larger than anything else in the store.
    bench.write("large.yaml", "output:\n  compression: none\n  grid: {child_order: 13}\n");
    let pipeline = ["--plugin", "atl06", "--config", "large.yaml"];
    let catalog =
        [&["catalog"], &pipeline[..], &["--from-files", "granules", "--output", "map.json"]].concat();
    bench.zagg(&catalog).exits(0);
    let run = |store| [&["run"], &pipeline[..], &["--catalog", "map.json", "--store", store]].concat();
    let said = limited(&bench, 64, &[&run("out.zarr")[..], &["--format", "json"]].concat()).exits(3);
    let summary = said.json();
    assert_eq!(summary["shards_failed"], summary["shards"]);
    assert_eq!((&summary["state"], &summary["written"]["objects"]), (&"incomplete".into(), &0.into()));
    let failures = summary["failures"].as_array().unwrap();
    for (number, failure) in failures.iter().enumerate() {
        let reason = format!("cannot write out.zarr/13/count/c/{number}: File too large (os error 27)");
        assert_eq!(failure[1], reason.as_str());
        assert!(
            said.err
                .contains(&format!("zagg: error: shard {} failed: {reason}\n", failure[0].as_str().unwrap()))
        );
    }
    assert_eq!(bench.state(), "incomplete");
    assert_eq!(bench.tree("out.zarr/13/count/c").len(), 0);
    for record in bench.tree("out.zarr.zagg/shards").into_values() {
        assert!(String::from_utf8(record).unwrap().contains("\"status\": \"failed\""));
    }
    bench.zagg(&run("out.zarr")).exits(0);
    bench.zagg(&run("whole.zarr")).exits(0);
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
}

#[test]
fn a_full_disk_takes_nothing_from_a_complete_store() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let store = bench.tree("out.zarr");
    let said = limited(&bench, 2, &RUN);
    assert!(matches!(said.code, Some(1 | 3)), "{said:?}");
    for (name, bytes) in bench.tree("out.zarr") {
        if name.contains("/c/") {
            assert_eq!(store[&name], bytes, "{name}");
        }
    }
    bench.run(&[]).exits(0);
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
fn a_map_that_does_not_fit_is_not_there_at_all() {
    let bench = Bench::with_granules();
    let catalog = ["catalog", "--plugin", "atl06", "--from-files", "granules", "--output", "map.json"];
    limited(&bench, 1, &catalog).fails_with(1, "map.json: File too large (os error 27)");
    assert_eq!(bench.names(), ["granules"]);
    // An old map stays whole.
    bench.catalog().exits(0);
    let old = std::fs::read(bench.path("map.json")).unwrap();
    limited(&bench, 1, &catalog).exits(1);
    assert_eq!(std::fs::read(bench.path("map.json")).unwrap(), old);
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

/// A small file system in memory, at a folder of the bench.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// Says why not where none may be mounted.
    fn mount(bench: &Bench) -> Result<Self, String> {
        let folder = bench.path("disk");
        std::fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "zagg-test"]).arg(&folder);
        match mount.output() {
            Ok(said) if said.status.success() => Ok(Self(folder)),
            Ok(said) => Err(String::from_utf8_lossy(&said.stderr).trim().to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn resize(&self, kilobytes: usize) {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", &format!("remount,size={kilobytes}k")]).arg(&self.0).status();
        assert!(status.unwrap().success(), "{kilobytes} kB");
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The test says what was wrong; a folder that stays mounted is named by whoever removes it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_really_full_is_told_and_the_next_run_goes_on() {
    let bench = Bench::with_map();
    let disk = match SmallDisk::mount(&bench) {
        Ok(disk) => disk,
        Err(why) => {
            use std::io::Write as _;
            // Past the capture of output, which `eprintln!` does not get past.
            let _ = writeln!(std::io::stderr(), "skipped: no file system may be mounted here: {why}");
            return;
        }
    };
    bench.run_into("disk/out.zarr", &[]).exits(0);
    let whole = bench.tree("disk/out.zarr");
    let pages = |tree: &str| bench.tree(tree).values().map(|bytes| bytes.len().div_ceil(4096)).sum::<usize>();
    let needed = 4 * (pages("disk/out.zarr") + pages("disk/out.zarr.zagg"));
    let wipe = || {
        for name in ["disk/out.zarr", "disk/out.zarr.zagg"] {
            std::fs::remove_dir_all(bench.path(name)).unwrap_or_default();
        }
    };
    let (mut told, mut codes) = (0, Vec::new());
    for percent in [10, 25, 40, 55, 70, 85, 95] {
        wipe();
        disk.resize(needed * percent / 100);
        let said = bench.run_into("disk/out.zarr", &[]);
        let code = said.code.unwrap_or_else(|| panic!("killed by a signal at {percent} %: {said:?}"));
        codes.push(code);
        if code != 0 {
            assert!(matches!(code, 1 | 3), "{percent} %: {said:?}");
            assert!(said.err.contains("No space left on device"), "{percent} %: {said:?}");
            assert!(said.err.lines().all(|line| line.starts_with("zagg: ")), "{said:?}");
            told += 1;
        }
        if bench.exists("disk/out.zarr/zarr.json") {
            let state = bench.json("disk/out.zarr/zarr.json")["attributes"]["zagg"]["state"].clone();
            assert_eq!(state == "complete", code == 0, "{percent} %: {state}");
            bench.zagg(&["status", "disk/out.zarr"]).exits(if code == 0 { 0 } else { 3 });
        }
        // Somebody makes room.
        disk.resize(65_536);
        bench.run_into("disk/out.zarr", &["--resume"]).exits(0);
        assert_eq!(bench.tree("disk/out.zarr"), whole, "after {percent} %");
    }
    assert!(told >= 4 && codes.contains(&3), "{codes:?}");
}
