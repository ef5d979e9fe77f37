//! Writes a made-up granule into a folder: `cargo run --example make_granules FOLDER`.

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: make_granules FOLDER");
        return ExitCode::from(2);
    };
    let path = folder.join("CS_made_up.nc");
    if let Err(error) =
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, sample::granule()))
    {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    println!("{}: {} echoes, the first at {:?}", path.display(), sample::ROWS, sample::row(0));
    ExitCode::SUCCESS
}
