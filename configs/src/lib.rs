//! Pipelines that ship with zagg: the presets of `--plugin NAME`.
//!
//! Each is the YAML file of its name in this crate's folder. A program that links this crate has them in its registry; the
//! sources, grids and statistics that they name come from other plugins.

use zagg_core::registry::{Entry, Make};

/// A pipeline by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The name, as in `zagg run --plugin NAME`.
    pub name: &'static str,
    /// One line for people: what of which product, onto which grid.
    pub description: &'static str,
    /// The YAML text.
    pub text: &'static str,
}

impl Config {
    const fn entry(self) -> Entry {
        Entry { name: self.name, aliases: &[], description: self.description, make: Make::Preset(self.text) }
    }
}

/// ICESat-2 ATL03 photon heights on HEALPix.
pub const ATL03: Config = Config {
    name: "atl03",
    description: "ICESat-2 ATL03 heights of signal photons on HEALPix order 19 (12 m), shards of order 9",
    text: include_str!("../atl03.yaml"),
};

/// ICESat-2 ATL06 land-ice heights on HEALPix.
pub const ATL06: Config = Config {
    name: "atl06",
    description: "ICESat-2 ATL06 land-ice heights on HEALPix order 12 (1.6 km), shards of order 6",
    text: include_str!("../atl06.yaml"),
};

/// ICESat-2 ATL06 land-ice heights in the Antarctic polar stereographic projection.
pub const ATL06_POLAR: Config = Config {
    name: "atl06_polar",
    description: "ICESat-2 ATL06 land-ice heights on a grid of 5 km around the South Pole, EPSG:3031",
    text: include_str!("../atl06_polar.yaml"),
};

/// ICESat-2 ATL08 terrain and canopy heights on HEALPix.
pub const ATL08: Config = Config {
    name: "atl08",
    description: "ICESat-2 ATL08 terrain and canopy heights on HEALPix order 13 (800 m), shards of order 7",
    text: include_str!("../atl08.yaml"),
};

/// CryoSat-2 surface heights on HEALPix.
pub const CRYOSAT2: Config = Config {
    name: "cryosat2",
    description: "CryoSat-2 level 2 heights and freeboard on HEALPix order 11 (3 km), shards of order 5",
    text: include_str!("../cryosat2.yaml"),
};

/// GEDI L2A relative heights on HEALPix.
pub const GEDI_L2A: Config = Config {
    name: "gedi_l2a",
    description: "GEDI L2A canopy heights and ground elevation on HEALPix order 13 (800 m), shards of order 7",
    text: include_str!("../gedi_l2a.yaml"),
};

/// GEDI L4A aboveground biomass density on HEALPix.
pub const GEDI_L4A: Config = Config {
    name: "gedi_l4a",
    description: "GEDI L4A aboveground biomass density on HEALPix order 13 (800 m), shards of order 7",
    text: include_str!("../gedi_l4a.yaml"),
};

/// Every pipeline, by name.
pub const ALL: &[Config] = &[ATL03, ATL06, ATL06_POLAR, ATL08, CRYOSAT2, GEDI_L2A, GEDI_L4A];

zagg_core::export_plugin! {
    ATL03.entry(),
    ATL06.entry(),
    ATL06_POLAR.entry(),
    ATL08.entry(),
    CRYOSAT2.entry(),
    GEDI_L2A.entry(),
    GEDI_L4A.entry(),
}

#[cfg(test)]
mod tests {
    use super::*;
    use zagg_core::config::{Layer, Layers, Pipeline};
    use zagg_core::registry::{Kind, Registry};

    #[test]
    fn every_file_is_in_the_registry_under_its_name() {
        let folder = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let mut files: Vec<String> = folder
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yaml")?.to_string()))
            .collect();
        files.sort();
        assert_eq!(files, ALL.iter().map(|config| config.name).collect::<Vec<_>>());
        let registry = Registry::linked().unwrap();
        let presets = registry.entries().filter(|r| r.entry.make.kind() == Kind::Preset);
        assert_eq!(presets.map(|r| r.entry.name).collect::<Vec<_>>(), files);
        for config in ALL {
            assert_eq!(registry.preset(config.name).unwrap(), config.text);
            assert!(!config.description.contains('\n') && config.description.len() < 100, "{}", config.name);
        }
    }

    #[test]
    fn every_text_is_a_pipeline_without_notes_whose_arrays_say_what_they_hold() {
        for config in ALL {
            let mut layers = Layers::default();
            layers.push(Layer::parse(config.name, config.text).unwrap());
            let pipeline = Pipeline::parse(&layers).unwrap();
            assert!(pipeline.notes.is_empty(), "{}: {:?}", config.name, pipeline.notes);
            assert!(config.text.contains(&format!("zagg config show {}`", config.name)), "{}", config.name);
            for variable in &pipeline.aggregation.variables {
                for key in ["units", "long_name"] {
                    let value = variable.attrs.get(key).and_then(|value| value.as_str());
                    assert!(
                        value.is_some_and(|value| !value.is_empty()),
                        "{}: {} has no {key}",
                        config.name,
                        variable.name
                    );
                }
            }
        }
    }
}
