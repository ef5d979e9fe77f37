//! The program as its users meet it: messages, exit codes and what is left behind.
//!
//! Every test starts the real program in a folder of its own. Granules are made up, so nothing outside the repository
//! is needed.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole crate is tests.

mod bench;
mod catalog;
#[cfg(feature = "cmr-stac")]
mod catalog_flags;
mod catalog_maps;
#[cfg(feature = "cmr-stac")]
mod catalog_saved;
#[cfg(feature = "cmr-stac")]
mod catalog_search;
mod choices;
mod command_line;
mod demo;
mod determinism;
mod disk;
mod faults;
mod finalize;
mod hostile;
mod index;
mod inspect;
mod interrupts;
mod lambda;
mod locks;
#[cfg(feature = "hdf5-native")]
mod native;
mod pipelines;
#[cfg(target_os = "linux")]
mod plugins;
mod presets;
mod profile;
mod render;
mod resume;
mod rows;
#[cfg(unix)]
mod schedulers;
#[cfg(feature = "cmr-stac")]
mod server;
mod stores;
mod texts;
mod validate;
mod workers;
