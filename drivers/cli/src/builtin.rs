//! The plugins linked into this program.
//!
//! A crate that is only a dependency is not linked unless it is named, and then its registrations do not run.

use zagg_atl06 as _;
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

/// Everything that is linked in.
pub(crate) fn registry() -> Result<Registry> {
    Registry::linked()
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
        assert_eq!(names(Kind::Catalog), ["local-files"]);
        let s2: &[&str] = if cfg!(feature = "s2") { &["s2"] } else { &[] };
        assert_eq!(names(Kind::Grid), [&["healpix", "rectilinear"], s2].concat());
        let presets: Vec<&str> = zagg_configs::ALL.iter().map(|config| config.name).collect();
        assert_eq!(names(Kind::Preset), presets);
        for statistic in ["average", "count", "len", "max", "min", "quantile", "var"] {
            assert!(names(Kind::Statistic).contains(&statistic), "{statistic}");
        }
    }
}
