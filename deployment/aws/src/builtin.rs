//! The plugins of the function: those linked into it, and those whose libraries travel in its zip.
//!
//! A crate that is only a dependency is not linked unless it is named, and then its registrations do not run. Catalogs are not
//! here: they are asked before a plan is made.

use std::path::PathBuf;

use zagg_atl06 as _;
use zagg_configs as _;
use zagg_core::Result;
use zagg_core::registry::Registry;
use zagg_hdf5_points as _;
use zagg_healpix as _;
use zagg_rectilinear as _;
use zagg_s2 as _;
use zagg_statistics as _;
use zagg_table_points as _;

/// Variable with the paths of shared libraries and of folders of them, as for the program `zagg`. The template says
/// `/var/task/plugins`, which is the folder `plugins` of the zip.
pub const PLUGIN_PATH: &str = "ZAGG_PLUGIN_PATH";

/// Everything that is linked in, and what is at the paths of a [`PLUGIN_PATH`]. The folder `plugins` beside the function may be
/// missing: a zip without plugins has none.
///
/// # Errors
/// When a library cannot be loaded, or another path is not there.
pub fn registry(paths: Option<&std::ffi::OsStr>) -> Result<Registry> {
    let mut registry = Registry::linked()?;
    let beside = std::env::var_os("LAMBDA_TASK_ROOT").map(|root| PathBuf::from(root).join("plugins"));
    let paths: Vec<PathBuf> = std::env::split_paths(paths.unwrap_or_default())
        .filter(|path| !path.as_os_str().is_empty())
        .filter(|path| Some(path) != beside.as_ref() || path.exists())
        .collect();
    registry.load(&paths)?;
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zagg_core::registry::Kind;

    #[test]
    fn what_a_task_may_need_is_linked() {
        let registry = registry(None).unwrap();
        let names = |kind: Kind| -> Vec<&str> {
            registry.entries().filter(|r| r.entry.make.kind() == kind).map(|r| r.entry.name).collect()
        };
        assert_eq!(names(Kind::Source), ["atl06", "hdf5-points", "table-points"]);
        assert_eq!(names(Kind::Grid), ["healpix", "rectilinear", "s2"]);
        for statistic in ["average", "count", "len", "max", "min", "quantile", "var"] {
            assert!(names(Kind::Statistic).contains(&statistic), "{statistic}");
        }
    }

    #[test]
    fn a_library_that_is_not_there_is_an_error() {
        let error = registry(Some("no/such/library.so".as_ref())).unwrap_err().to_string();
        assert!(error.contains("no/such/library.so"), "{error}");
    }
}
