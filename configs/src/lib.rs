//! Pipelines that ship with zagg.

/// A pipeline by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The name, as in `zagg run --plugin NAME`.
    pub name: &'static str,
    /// The YAML text.
    pub text: &'static str,
}

/// ICESat-2 ATL06 land-ice heights on HEALPix.
pub const ATL06: Config = Config { name: "atl06", text: include_str!("../atl06.yaml") };

/// ICESat-2 ATL06 land-ice heights in the Antarctic polar stereographic projection.
pub const ATL06_POLAR: Config = Config { name: "atl06_polar", text: include_str!("../atl06_polar.yaml") };

/// Every pipeline, by name.
pub const ALL: &[Config] = &[ATL06, ATL06_POLAR];
