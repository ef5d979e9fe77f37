//! Granules that somebody broke on purpose: an answer or an error, never a panic, a signal or a hang.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::{Bench, Ended, NAMES, bytes};

/// Mutants of one file.
const MUTANTS: u64 = 60;
/// Far longer than any of them should take, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A small generator with the same numbers everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Places where structure is rather than data: runs of these begin headers, trees and heaps.
fn structures(file: &[u8]) -> Vec<usize> {
    let signatures: [&[u8]; 8] = [b"\x89HDF", b"OHDR", b"TREE", b"HEAP", b"SNOD", b"FRHP", b"BTHD", b"OCHK"];
    (0..file.len().saturating_sub(4)).filter(|&at| signatures.contains(&&file[at..at + 4])).collect()
}

fn mutant(seed: u64, file: &[u8], structures: &[usize]) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = file.to_vec();
    let edits = 1 + random.below(4);
    for _ in 0..edits {
        // Three of four edits hit what surrounds a structure.
        let at = if structures.is_empty() || random.below(4) == 0 {
            random.below(bytes.len())
        } else {
            (structures[random.below(structures.len())] + random.below(96)).min(bytes.len() - 1)
        };
        let end = (at + 1 + random.below(8)).min(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at..end].fill(0xff),
            2 => bytes[at..end].fill(0),
            3 => bytes[at] = random.next() as u8,
            _ => {
                let from = random.below(bytes.len() - 64);
                bytes.copy_within(from..from + (end - at), at);
            }
        }
    }
    if random.below(6) == 0 {
        bytes.truncate(1 + random.below(file.len()));
    }
    bytes
}

/// Waits for the end of a program, but not for ever.
fn ended(mut child: Child, seed: u64) -> Ended {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("mutant {seed} hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ended::of(child.wait_with_output().unwrap())
}

#[test]
fn no_mutant_breaks_inspect_or_run() {
    let bench = Bench::with_map();
    let file = bytes(0);
    let structures = structures(file);
    assert!(structures.len() > 50, "{}", structures.len());
    let name = format!("granules/{}", NAMES[0]);
    let shards = bench.shards();
    let mut answers = [0u32; 2];
    for seed in 0..MUTANTS {
        bench.write(&name, mutant(seed, file, &structures));
        let spawn = |arguments: &[&str]| {
            bench.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let said = ended(spawn(&["inspect", &name]), seed);
        let code = said.code.unwrap_or_else(|| panic!("mutant {seed} ends by a signal: {said:?}"));
        assert!(code == 0 || code == 1, "mutant {seed}: {said:?}");
        answers[code as usize] += 1;
        if code == 1 {
            assert!(
                said.err.starts_with("zagg: error: ") && said.err.lines().count() == 1,
                "mutant {seed}: {said:?}"
            );
            assert!(said.err.contains(NAMES[0]), "mutant {seed}: {said:?}");
        }
        // The same bytes through a run: at worst a hole, and never a failed shard.
        let run = ["run", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr"];
        let one = ["--shard", &shards[seed as usize % shards.len()], "--format", "json", "--overwrite"];
        let said = ended(spawn(&[&run[..], &one].concat()), seed);
        let code = said.code.unwrap_or_else(|| panic!("mutant {seed} ends by a signal: {said:?}"));
        assert!(code == 0 || code == 3, "mutant {seed}: {said:?}");
        let summary = said.json();
        assert_eq!(summary["shards_failed"], 0, "mutant {seed}: {summary:#}");
        assert_eq!(code == 0, summary["holes"].as_array().unwrap().is_empty(), "mutant {seed}");
    }
    assert!(answers.iter().all(|&n| n > 3), "mutants must be broken in part only: {answers:?}");
}
