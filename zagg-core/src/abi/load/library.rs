//! Opening one library: what it says of itself is compared with what this program has before anything of it is used.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use abi_stable::library::{LibHeader, LibraryError, RootModule, lib_header_from_path};
use abi_stable::sabi_types::VersionNumber;

use super::super::facts::{EntryFacts, PluginFacts};
use super::super::root::{LibraryRef, NAME};
use super::super::types::result;
use super::super::wire::{FORM, decode};
use super::caller::one_line;
use super::entry::LibraryEntry;
use super::{Loaded, elf};
use crate::error::{Error, Result};
use crate::registry::{Entry, Kind, Make, Plugin};

/// Libraries are opened one at a time, and stay.
static OPENED: Mutex<BTreeMap<PathBuf, Loaded>> = Mutex::new(BTreeMap::new());

/// The plugin of a library.
///
/// # Errors
/// One line that names the library and says what to do.
pub(super) fn open(path: &Path) -> Result<Loaded> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = opened.get(path) {
        return Ok(*loaded);
    }
    let loaded = load(path)
        .map_err(|error| one_line(error).context(format_args!("plugin library {}", path.display())))?;
    opened.insert(path.to_path_buf(), loaded);
    Ok(loaded)
}

fn load(path: &Path) -> Result<Loaded> {
    if !path.is_file() {
        return Err(Error::input("this is no file"));
    }
    elf::check(path)?;
    let header = lib_header_from_path(path).map_err(refused)?;
    check_version(header)?;
    let library = header.init_root_module::<LibraryRef>().map_err(refused)?;
    if library.form() != FORM {
        return Err(other_build());
    }
    let facts: PluginFacts = decode(&result(library.describe()())?)?;
    let path = leak(&path.display().to_string());
    Ok(Loaded { plugin: plugin(library, &facts, path)?, path })
}

/// Compares versions first: what follows from other ones fills thirty pages.
fn check_version(header: &LibHeader) -> Result<()> {
    if header.root_mod_consts().name().as_str() != NAME {
        return Err(Error::input("this is a plugin of another program"));
    }
    let theirs = header.version_strings();
    let ours = LibraryRef::VERSION_STRINGS;
    let (Ok(built_for), Ok(here)) = (VersionNumber::new(theirs), VersionNumber::new(ours)) else {
        return Err(Error::input("its version of zagg-core cannot be read"));
    };
    // As Cargo has it: before 1.0 the second number is what breaks.
    let same = built_for.major == here.major && (here.major > 0 || built_for.minor == here.minor);
    if same {
        return Ok(());
    }
    Err(Error::input(format!(
        "it was built for zagg-core {}, this program has zagg-core {}: build the plugin again with zagg-core {}.{}, or use \
         a zagg with zagg-core {}.{}",
        theirs.version, ours.version, here.major, here.minor, built_for.major, built_for.minor
    )))
}

/// The same version, and yet another boundary: two states of the sources between releases.
fn other_build() -> Error {
    Error::input(format!(
        "it was built for another zagg-core {} than this program's: build both from the same sources",
        LibraryRef::VERSION_STRINGS.version
    ))
}

fn refused(error: LibraryError) -> Error {
    match error {
        LibraryError::OpenError { err, .. } => {
            // The text of the system is the source of this error.
            let cause = err.source().map_or_else(|| err.to_string(), ToString::to_string);
            Error::input(format!("this is no library that can be loaded: {cause}"))
        }
        LibraryError::GetSymbolError { .. } => Error::input(
            "there is no zagg plugin in it: build the plugin's crate with its feature library (cargo build --features library)",
        ),
        LibraryError::InvalidAbiHeader(found) => Error::input(format!(
            "it was built with abi_stable {}.{}, another than that of zagg-core {}: build the plugin again with this zagg-core",
            found.abi_major,
            found.abi_minor,
            LibraryRef::VERSION_STRINGS.version
        )),
        LibraryError::AbiInstability(_) | LibraryError::InvalidCAbi { .. } => other_build(),
        LibraryError::RootModule { err, .. } => Error::plugin(format!("it fails to start: {err}")),
        LibraryError::IncompatibleVersionNumber { .. }
        | LibraryError::ParseVersionError(_)
        | LibraryError::Many(_) => Error::input(error.to_string()),
    }
}

/// What the library offers, as entries of the registry. Names live as long as the library: until the end of the process.
fn plugin(library: LibraryRef, facts: &PluginFacts, path: &'static str) -> Result<Plugin> {
    if facts.entries.is_empty() {
        return Err(Error::plugin("it offers nothing"));
    }
    let speaker = leak(&format!("{} {} ({path})", facts.name, facts.version));
    let mut entries = Vec::with_capacity(facts.entries.len());
    for (number, entry) in (0_u32..).zip(&facts.entries) {
        entries.push(self::entry(library, number, entry, speaker)?);
    }
    for text in [&facts.name, &facts.version] {
        check_name(text)?;
    }
    Ok(Plugin { name: leak(&facts.name), version: leak(&facts.version), entries: entries.leak() })
}

fn entry(library: LibraryRef, number: u32, facts: &EntryFacts, speaker: &'static str) -> Result<Entry> {
    check_name(&facts.name)?;
    facts.aliases.iter().try_for_each(|alias| check_name(alias))?;
    let make = match (facts.kind, &facts.preset) {
        (Kind::Preset, Some(text)) => Make::Preset(leak(text)),
        (Kind::Preset, None) => return Err(Error::plugin(format!("the preset {} has no text", facts.name))),
        (kind, _) => Make::Foreign(Box::leak(Box::new(LibraryEntry { library, number, kind, speaker }))),
    };
    let aliases: Vec<&'static str> = facts.aliases.iter().map(|alias| leak(alias)).collect();
    let description = leak(&facts.description.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(Entry { name: leak(&facts.name), aliases: aliases.leak(), description, make })
}

/// Names stand in tables, messages and stores.
fn check_name(name: &str) -> Result<()> {
    let sound = !name.is_empty()
        && name.len() <= 200
        && !name.contains(|c: char| c.is_control() || c.is_whitespace());
    if sound { Ok(()) } else { Err(Error::plugin(format!("{name:?} is no name"))) }
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}
