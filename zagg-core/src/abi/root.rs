//! The root of a library: what the program finds in it.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "most of it is written by the derive macro"
)]

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RSlice;

use super::traits::{Catalog, Grid, Source, Statistic};
use super::types::{Answer, Packed};

/// By this name a library of ours is told from another program's plugins.
pub(super) const NAME: &str = "zagg-plugin";

/// The functions of a library. Entries are counted in the order of its `export_plugin!`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = LibraryRef)))]
pub struct Library {
    /// Version of the byte form that it speaks.
    pub form: u32,
    /// Name, version and entries of the plugin.
    pub describe: extern "C" fn() -> Answer<Packed>,
    pub source: extern "C" fn(entry: u32, options: RSlice<'_, u8>) -> Answer<Source>,
    pub catalog: extern "C" fn(entry: u32) -> Answer<Catalog>,
    pub grid: extern "C" fn(entry: u32, options: RSlice<'_, u8>) -> Answer<Grid>,
    #[sabi(last_prefix_field)]
    pub statistic: extern "C" fn(entry: u32, request: RSlice<'_, u8>) -> Answer<Statistic>,
}

impl RootModule for LibraryRef {
    abi_stable::declare_root_module_statics! {LibraryRef}

    const BASE_NAME: &'static str = NAME;
    const NAME: &'static str = NAME;
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}
