//! Writes made-up ATL06 granules into a folder: those of the demo, or a given number of tracks around the pole.
//!
//! ```text
//! make_granules OUT_DIR [COUNT [SEGMENTS_PER_BEAM]]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its user")]

use std::path::Path;
use std::process::ExitCode;

use zagg_atl06::synthetic::{GranuleSpec, demo_granules, write_granule};
use zagg_core::error::{Error, Result};

/// Segments per beam of a whole granule over Antarctica.
const WHOLE: usize = 140_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let usage = || Error::input("usage: make_granules OUT_DIR [COUNT [SEGMENTS_PER_BEAM]]");
    let number = |text: &String| text.parse::<usize>().map_err(|_| usage());
    let (folder, specs) = match arguments {
        [folder] => (folder, demo_granules()),
        [folder, count] => (folder, around_the_pole(number(count)?, WHOLE)),
        [folder, count, segments] => (folder, around_the_pole(number(count)?, number(segments)?)),
        _ => return Err(usage()),
    };
    std::fs::create_dir_all(folder).map_err(|error| Error::from_io(&error, folder))?;
    for spec in specs {
        let path = Path::new(folder).join(&spec.name);
        let bytes = write_granule(&spec)?;
        std::fs::write(&path, &bytes).map_err(|error| Error::from_io(&error, path.display()))?;
        println!("{} {} KiB", path.display(), bytes.len() / 1024);
    }
    Ok(())
}

/// Tracks at equal distances around the pole, up to one per reference ground track.
fn around_the_pole(count: usize, segments_per_beam: usize) -> Vec<GranuleSpec> {
    let count = count.min(1387);
    (0..count)
        .map(|index| {
            let name = format!("ATL06_202401{:02}120000_{:04}2211_006_01.h5", 1 + index % 28, 1 + index);
            GranuleSpec {
                node_longitude: index as f64 * 360.0 / count as f64,
                segments_per_beam,
                seed: index as u64,
                ..GranuleSpec::new(name)
            }
        })
        .collect()
}
