//! The plugins of this program: those linked into it, and those in shared libraries that the user named.
//!
//! A crate that is only a dependency is not linked unless it is named, and then its registrations do not run.

use std::path::PathBuf;
use std::sync::OnceLock;

use zagg_atl06 as _;
#[cfg(feature = "cmr-stac")]
use zagg_cmr_stac as _;
use zagg_configs as _;
use zagg_core::Result;
use zagg_core::registry::Registry;
use zagg_hdf5_points as _;
use zagg_healpix as _;
use zagg_local_files as _;
use zagg_rectilinear as _;
#[cfg(feature = "s2")]
use zagg_s2 as _;
use zagg_statistics as _;
#[cfg(feature = "table-points")]
use zagg_table_points as _;

/// Paths of shared libraries, one after the other.
const VARIABLE: &str = "ZAGG_PLUGIN_PATH";

/// The paths of the command line, which every command has.
static PATHS: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Notes where shared libraries are; nothing is loaded before the first [`registry`].
pub(crate) fn look_in(paths: Vec<PathBuf>) {
    // The command line is read once.
    let _ = PATHS.set(paths);
}

/// Everything that is linked in, and what the shared libraries that the user named offer.
pub(crate) fn registry() -> Result<Registry> {
    let mut registry = Registry::linked()?;
    registry.load(&paths())?;
    Ok(registry)
}

fn paths() -> Vec<PathBuf> {
    let given = PATHS.get().into_iter().flatten().cloned();
    let variable = std::env::var_os(VARIABLE).unwrap_or_default();
    // An empty element is a slip of the pen in a variable, and never the working directory.
    let named = std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
    given.chain(named.collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use zagg_core::registry::Kind;

    #[test]
    fn every_expected_plugin_is_linked() {
        let registry = super::registry().unwrap();
        let names = |kind: Kind| -> Vec<&str> {
            registry.entries().filter(|r| r.entry.make.kind() == kind).map(|r| r.entry.name).collect()
        };
        let native: &[&str] = if cfg!(feature = "hdf5-native") { &["hdf5-native"] } else { &[] };
        let tables: &[&str] = if cfg!(feature = "table-points") { &["table-points"] } else { &[] };
        assert_eq!(names(Kind::Source), [&["atl06"], native, &["hdf5-points"], tables].concat());
        let cmr: &[&str] = if cfg!(feature = "cmr-stac") { &["cmr", "cmr-stac"] } else { &[] };
        assert_eq!(names(Kind::Catalog), [cmr, &["local-files"]].concat());
        let s2: &[&str] = if cfg!(feature = "s2") { &["s2"] } else { &[] };
        assert_eq!(names(Kind::Grid), [&["healpix", "rectilinear"], s2].concat());
        let presets: Vec<&str> = zagg_configs::ALL.iter().map(|config| config.name).collect();
        assert_eq!(names(Kind::Preset), presets);
        for statistic in ["average", "count", "len", "max", "min", "quantile", "var"] {
            assert!(names(Kind::Statistic).contains(&statistic), "{statistic}");
        }
    }
}
