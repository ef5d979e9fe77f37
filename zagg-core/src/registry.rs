//! The registry: from the names in a pipeline to the plugins that implement them.
//!
//! A plugin crate writes [`export_plugin!`](crate::export_plugin) once. That submits its entries to `inventory`, which
//! gathers whatever is linked into the program; our own plugins have no other door.

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
        $crate::registry::inventory::submit! {
            $crate::registry::Plugin {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                entries: &[$($entry),+],
            }
        }
    };
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
            for entry in plugin.entries {
                for name in [entry.name].iter().chain(entry.aliases) {
                    registry.add(
                        name,
                        Registered { entry: *entry, plugin: plugin.name, version: plugin.version },
                    )?;
                }
            }
        }
        Ok(registry)
    }

    fn add(&mut self, name: &str, registered: Registered) -> Result<()> {
        let kind = registered.entry.make.kind();
        if let Some(other) = self.names.insert((kind, name.to_string()), registered) {
            return Err(Error::plugin(format!(
                "the {kind} {name} is offered twice: by {} {} and by {} {}; leave one of them out",
                other.plugin, other.version, registered.plugin, registered.version
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
