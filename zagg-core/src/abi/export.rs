//! The side of the plugin: native things behind the twins of their traits, and the root of the library.

mod catalog;
mod grid;
mod guard;
mod host;
mod source;
mod statistic;

use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::RSlice;

use super::facts::{EntryFacts, PluginFacts};
use super::root::{Library, LibraryRef};
use super::traits::{Catalog, Grid, Source, Statistic};
use super::types::{Answer, Packed};
use super::wire::{FORM, decode, encode};
use crate::error::{Error, Result};
use crate::registry::{Entry, Kind, Make, Plugin};
use guard::guard;

/// The plugin of a library; [`export_plugin!`](crate::export_plugin) implements it.
pub trait Exported {
    /// The plugin.
    const PLUGIN: &'static Plugin;
}

/// The content of the symbol by which a library is known.
#[allow(unsafe_code, reason = "the constructor gives the module that the type names, as is asked for")]
pub const fn header<P: Exported>() -> LibHeader {
    extern "C" fn constructor<P: Exported>() -> RootModuleResult {
        __call_root_module_loader(root::<P>)
    }
    unsafe { LibHeader::from_constructor::<LibraryRef>(constructor::<P>, CheckTypeLayout::Yes) }
}

fn root<P: Exported>() -> LibraryRef {
    Library {
        form: FORM,
        describe: describe::<P>,
        source: source::<P>,
        catalog: catalog::<P>,
        grid: grid::<P>,
        statistic: statistic::<P>,
    }
    .leak_into_prefix()
}

extern "C" fn describe<P: Exported>() -> Answer<Packed> {
    guard(P::PLUGIN, "export_plugin!", || {
        let text = |text: &str| text.to_owned();
        let entry = |entry: &Entry| EntryFacts {
            name: text(entry.name),
            aliases: entry.aliases.iter().map(|alias| text(alias)).collect(),
            description: text(entry.description),
            kind: entry.make.kind(),
            preset: match entry.make {
                Make::Preset(preset) => Some(text(preset)),
                _ => None,
            },
        };
        let facts = PluginFacts {
            name: text(P::PLUGIN.name),
            version: text(P::PLUGIN.version),
            entries: P::PLUGIN.entries.iter().map(entry).collect(),
        };
        Ok(encode(&facts).into())
    })
}

/// What makes an entry.
fn make<P: Exported>(entry: u32) -> Result<Make> {
    let entry = P::PLUGIN.entries.get(entry as usize);
    entry.map(|entry| entry.make).ok_or_else(|| Error::plugin("there is no such entry"))
}

fn another(kind: Kind) -> Error {
    Error::plugin(format!("the entry is no {kind}"))
}

extern "C" fn source<P: Exported>(entry: u32, options: RSlice<'_, u8>) -> Answer<Source> {
    guard(P::PLUGIN, "making the source", || match make::<P>(entry)? {
        Make::Source(make) => Ok(source::export(P::PLUGIN, make(&decode(&options)?)?)),
        _ => Err(another(Kind::Source)),
    })
}

extern "C" fn catalog<P: Exported>(entry: u32) -> Answer<Catalog> {
    guard(P::PLUGIN, "making the catalog", || match make::<P>(entry)? {
        Make::Catalog(make) => Ok(catalog::export(P::PLUGIN, make()?)),
        _ => Err(another(Kind::Catalog)),
    })
}

extern "C" fn grid<P: Exported>(entry: u32, options: RSlice<'_, u8>) -> Answer<Grid> {
    guard(P::PLUGIN, "making the grid", || match make::<P>(entry)? {
        Make::Grid(make) => Ok(grid::export(P::PLUGIN, make(&decode(&options)?)?)),
        _ => Err(another(Kind::Grid)),
    })
}

extern "C" fn statistic<P: Exported>(entry: u32, request: RSlice<'_, u8>) -> Answer<Statistic> {
    guard(P::PLUGIN, "making the statistic", || match make::<P>(entry)? {
        Make::Statistic(make) => Ok(statistic::export(P::PLUGIN, make(&decode(&request)?)?)),
        _ => Err(another(Kind::Statistic)),
    })
}
