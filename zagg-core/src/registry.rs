//! The registry: from the names in a pipeline to the plugins that implement them.
//!
//! A plugin crate writes [`export_plugin!`](crate::export_plugin) once. That submits its entries to `inventory`, which
//! gathers whatever is linked into the program; our own plugins have no other door. With the crate's feature `library` the
//! same macro makes a shared library that [`Registry::load`] takes in, when this crate has the feature `abi`.

use std::collections::BTreeMap;
use std::fmt;

use crate::catalog::Catalog;
use crate::error::{Context, Error, Result};
use crate::grid::{Grid, GridOptions};
use crate::source::{PointSource, SourceOptions};
use crate::statistic::{Statistic, StatisticRequest};
use crate::suggest::did_you_mean;

/// Makes a source from the section `data_source`.
pub type MakeSource = fn(&SourceOptions) -> Result<Box<dyn PointSource>>;
/// Makes a grid from the section `output.grid`.
pub type MakeGrid = fn(&GridOptions) -> Result<Box<dyn Grid>>;
/// Makes a catalog.
pub type MakeCatalog = fn() -> Result<Box<dyn Catalog>>;
/// Makes a statistic for one variable.
pub type MakeStatistic = fn(&StatisticRequest) -> Result<Box<dyn Statistic>>;

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A point source: `data_source.reader`.
    Source,
    /// A catalog: `zagg catalog`.
    Catalog,
    /// A grid: `output.grid.type`.
    Grid,
    /// A statistic: `function` of a variable.
    Statistic,
    /// A default pipeline: `--plugin`.
    Preset,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Catalog => "catalog",
            Self::Grid => "grid",
            Self::Statistic => "statistic",
            Self::Preset => "preset",
        })
    }
}

/// What a plugin offers under one name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name in pipelines.
    pub name: &'static str,
    /// Other spellings of the name.
    pub aliases: &'static [&'static str],
    /// One line for people.
    pub description: &'static str,
    /// What makes it.
    pub make: Make,
}

/// How the thing behind a name is made.
#[derive(Debug, Clone, Copy)]
pub enum Make {
    /// A point source.
    Source(MakeSource),
    /// A catalog.
    Catalog(MakeCatalog),
    /// A grid.
    Grid(MakeGrid),
    /// A statistic.
    Statistic(MakeStatistic),
    /// The YAML text of a pipeline.
    Preset(&'static str),
    /// Something of a shared library.
    #[doc(hidden)]
    Foreign(&'static dyn Foreign),
}

/// What a shared library has under a name. Each method is for one kind, and an error for the others.
#[doc(hidden)]
pub trait Foreign: fmt::Debug + Send + Sync {
    /// What kind of thing it makes.
    fn kind(&self) -> Kind;

    /// Makes a source.
    ///
    /// # Errors
    /// When the library refuses the options, or fails.
    fn source(&self, options: &SourceOptions) -> Result<Box<dyn PointSource>>;

    /// Makes a catalog.
    ///
    /// # Errors
    /// When the library fails.
    fn catalog(&self) -> Result<Box<dyn Catalog>>;

    /// Makes a grid.
    ///
    /// # Errors
    /// When the library refuses the options, or fails.
    fn grid(&self, options: &GridOptions) -> Result<Box<dyn Grid>>;

    /// Makes a statistic.
    ///
    /// # Errors
    /// When the library refuses the request, or fails.
    fn statistic(&self, request: &StatisticRequest) -> Result<Box<dyn Statistic>>;
}

impl Make {
    /// The kind of thing it makes.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Source(_) => Kind::Source,
            Self::Catalog(_) => Kind::Catalog,
            Self::Grid(_) => Kind::Grid,
            Self::Statistic(_) => Kind::Statistic,
            Self::Preset(_) => Kind::Preset,
            Self::Foreign(foreign) => foreign.kind(),
        }
    }
}

/// A plugin crate as it presents itself.
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    /// Name of the crate.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it offers.
    pub entries: &'static [Entry],
}

inventory::collect!(Plugin);

#[doc(hidden)]
pub use inventory;

/// Presents a plugin crate to zagg: write it once, at the crate's root.
///
/// Linked into a program, the crate is found there. Built as a `cdylib` with a feature `library` of its own that turns on
/// `zagg-core/library`, it is a library for `--plugin-path`. Crates that are linked into such a library are part of it, but
/// only what this crate lists is offered.
///
/// ```
/// use zagg_core::registry::{Entry, Make};
///
/// zagg_core::export_plugin! {
///     Entry {
///         name: "atl06_daily",
///         aliases: &[],
///         description: "ATL06 on daily cells",
///         make: Make::Preset("data_source: {reader: hdf5-points}"),
///     },
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($($entry:expr),+ $(,)?) => {
        const _: () = {
            const PLUGIN: $crate::registry::Plugin = $crate::registry::Plugin {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                entries: &[$($entry),+],
            };
            $crate::registry::inventory::submit! { PLUGIN }
            // Looked up in the plugin's crate: one library has one root, and it may link other plugins.
            #[allow(unexpected_cfgs)]
            const _: () = {
                #[cfg(feature = "library")]
                $crate::export_library! { PLUGIN }
            };
        };
    };
}

/// The symbol by which a shared library is known.
#[cfg(feature = "library")]
#[doc(hidden)]
#[macro_export]
macro_rules! export_library {
    ($plugin:expr) => {
        #[derive(Debug)]
        struct Exported;

        impl $crate::abi::Exported for Exported {
            const PLUGIN: &'static $crate::registry::Plugin = &$plugin;
        }

        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        pub static HEADER: $crate::abi::LibHeader = $crate::abi::header::<Exported>();
    };
}

/// Says what is missing.
#[cfg(not(feature = "library"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export_library {
    ($plugin:expr) => {
        compile_error!("the feature `library` of this crate must turn on `zagg-core/library`");
    };
}

/// Where a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In this program.
    Linked,
    /// In the shared library of this path.
    Library(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linked => "linked in",
            Self::Library(path) => path,
        })
    }
}

/// A registered name with where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    /// The entry.
    pub entry: Entry,
    /// Name of the plugin crate that offers it.
    pub plugin: &'static str,
    /// Version of that crate.
    pub version: &'static str,
    /// Where it is.
    pub origin: Origin,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)?;
        match self.origin {
            Origin::Linked => Ok(()),
            Origin::Library(path) => write!(f, " ({path})"),
        }
    }
}

/// Every name that this process knows.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// By kind and name; an alias has an entry of its own.
    names: BTreeMap<(Kind, String), Registered>,
}

impl Registry {
    /// The plugins linked into this program.
    ///
    /// # Errors
    /// When two of them offer the same name.
    pub fn linked() -> Result<Self> {
        Self::of(inventory::iter::<Plugin>.into_iter().copied())
    }

    /// The given plugins.
    ///
    /// # Errors
    /// When two of them offer the same name; both origins are named.
    pub fn of(plugins: impl IntoIterator<Item = Plugin>) -> Result<Self> {
        let mut registry = Self::default();
        for plugin in plugins {
            registry.add_plugin(&plugin, Origin::Linked)?;
        }
        Ok(registry)
    }

    /// Adds what the shared libraries at some paths offer; of a folder every library in it, sorted by name. A library that is
    /// named twice is loaded once. Libraries stay loaded until the process ends.
    ///
    /// Loading runs code of the library, with all rights of this process.
    ///
    /// # Errors
    /// When there is no library at a path, it has no plugin, it was built for another version of this crate, or it offers a
    /// name that is there already: both origins are told.
    #[cfg(feature = "abi")]
    pub fn load(&mut self, paths: &[std::path::PathBuf]) -> Result<()> {
        for loaded in crate::abi::load(paths)? {
            self.add_plugin(&loaded.plugin, Origin::Library(loaded.path))?;
        }
        Ok(())
    }

    fn add_plugin(&mut self, plugin: &Plugin, origin: Origin) -> Result<()> {
        for entry in plugin.entries {
            let registered =
                Registered { entry: *entry, plugin: plugin.name, version: plugin.version, origin };
            for name in [entry.name].iter().chain(entry.aliases) {
                self.add(name, registered)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, registered: Registered) -> Result<()> {
        let kind = registered.entry.make.kind();
        if let Some(other) = self.names.insert((kind, name.to_string()), registered) {
            return Err(Error::plugin(format!(
                "the {kind} {name} is offered twice: by {other} and by {registered}; leave one of them out"
            )));
        }
        Ok(())
    }

    /// Everything registered, sorted by kind and name, without aliases.
    pub fn entries(&self) -> impl Iterator<Item = &Registered> {
        self.names.iter().filter(|((_, name), r)| name == r.entry.name).map(|(_, r)| r)
    }

    fn find(&self, kind: Kind, name: &str) -> Result<&Registered> {
        self.names.get(&(kind, name.to_string())).ok_or_else(|| {
            let known: Vec<&str> =
                self.entries().filter(|r| r.entry.make.kind() == kind).map(|r| r.entry.name).collect();
            Error::input(format!(
                "there is no {kind} {name:?}{}; there are: {}",
                did_you_mean(name, known.iter().copied()),
                known.join(", ")
            ))
        })
    }

    /// The canonical name of a source, which may have been given by an alias.
    ///
    /// # Errors
    /// When no plugin offers it.
    pub fn source_name(&self, name: &str) -> Result<&'static str> {
        self.find(Kind::Source, name).map(|r| r.entry.name)
    }

    /// Makes a source.
    ///
    /// # Errors
    /// When no plugin offers it, or the plugin refuses the options.
    pub fn source(&self, name: &str, options: &SourceOptions) -> Result<Box<dyn PointSource>> {
        match self.find(Kind::Source, name).context(|| "reader")?.entry.make {
            Make::Source(make) => make(options),
            Make::Foreign(foreign) => foreign.source(options),
            _ => Err(Error::plugin(format!("{name} is not a source"))),
        }
    }

    /// Makes a catalog.
    ///
    /// # Errors
    /// When no plugin offers it.
    pub fn catalog(&self, name: &str) -> Result<Box<dyn Catalog>> {
        match self.find(Kind::Catalog, name)?.entry.make {
            Make::Catalog(make) => make(),
            Make::Foreign(foreign) => foreign.catalog(),
            _ => Err(Error::plugin(format!("{name} is not a catalog"))),
        }
    }

    /// Makes a grid.
    ///
    /// # Errors
    /// When no plugin offers it, or the plugin refuses the options.
    pub fn grid(&self, name: &str, options: &GridOptions) -> Result<Box<dyn Grid>> {
        match self.find(Kind::Grid, name).context(|| "output.grid.type")?.entry.make {
            Make::Grid(make) => make(options),
            Make::Foreign(foreign) => foreign.grid(options),
            _ => Err(Error::plugin(format!("{name} is not a grid"))),
        }
    }

    /// Makes a statistic.
    ///
    /// # Errors
    /// When no plugin offers it, or the plugin refuses the request.
    pub fn statistic(&self, request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
        match self.find(Kind::Statistic, &request.function)?.entry.make {
            Make::Statistic(make) => make(request),
            Make::Foreign(foreign) => foreign.statistic(request),
            _ => Err(Error::plugin(format!("{} is not a statistic", request.function))),
        }
    }

    /// The pipeline text of a preset.
    ///
    /// # Errors
    /// When no plugin offers it.
    pub fn preset(&self, name: &str) -> Result<&'static str> {
        match self.find(Kind::Preset, name)?.entry.make {
            Make::Preset(text) => Ok(text),
            _ => Err(Error::plugin(format!("{name} is not a preset"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[Entry] =
        &[Entry { name: "atl06", aliases: &["land-ice"], description: "", make: Make::Preset("a: 1") }];

    #[test]
    fn names_and_aliases_lead_to_the_entry_and_unknown_ones_get_a_suggestion() {
        let registry = Registry::of([Plugin { name: "one", version: "1.0.0", entries: ONE }]).unwrap();
        assert_eq!(registry.preset("atl06").unwrap(), "a: 1");
        assert_eq!(registry.preset("land-ice").unwrap(), "a: 1");
        assert_eq!(registry.entries().count(), 1);
        assert_eq!(
            registry.preset("atl6").unwrap_err().to_string(),
            "there is no preset \"atl6\"; did you mean \"atl06\"?; there are: atl06"
        );
    }

    #[test]
    fn the_same_name_twice_names_both_origins() {
        let plugins = ["one", "two"].map(|name| Plugin { name, version: "1.0.0", entries: ONE });
        let error = Registry::of(plugins).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the preset atl06 is offered twice: by one 1.0.0 and by two 1.0.0; leave one of them out"
        );
    }
}
