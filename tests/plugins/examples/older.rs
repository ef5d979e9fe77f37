//! A library as it would be made for zagg-core 0.0.9: its root says so, and is not looked at any further.
#![allow(
    missing_docs,
    clippy::all,
    non_local_definitions,
    unused_qualifications,
    reason = "the derive macro writes it"
)]

use abi_stable::StableAbi;
use abi_stable::export_root_module;
use abi_stable::library::RootModule;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;

#[repr(C)]
#[derive(Debug, StableAbi)]
#[sabi(kind(Prefix(prefix_ref = LibraryRef)))]
pub struct Library {
    #[sabi(last_prefix_field)]
    pub form: u32,
}

impl RootModule for LibraryRef {
    abi_stable::declare_root_module_statics! {LibraryRef}

    const BASE_NAME: &'static str = "zagg-plugin";
    const NAME: &'static str = "zagg-plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("0.0.9");
}

#[export_root_module]
fn root() -> LibraryRef {
    Library { form: 1 }.leak_into_prefix()
}
