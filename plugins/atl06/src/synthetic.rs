//! Made-up ATL06 granules, for the demo, tests and benchmarks.
//!
//! The files have the structure of the real product (release 006): the same groups, types, chunks, filters,
//! fill values and attributes of the eight columns that zagg reads, on tracks of the real orbit. Heights
//! come from a smooth, invented ice sheet. A [`GranuleSpec`] gives the same bytes on every run and machine:
//! random numbers are seeded, and the trigonometry does not come from the operating system.

mod demo;
mod dictionary;
mod math;
mod name;
mod random;
mod rows;
mod surface;
mod track;

use zagg_core::error::{Context, Error, Result};
use zagg_hdf5_write::{Group, write_file};

pub use demo::demo_granules;
pub use name::GranuleName;
pub use rows::{BeamRows, beam_rows};
pub use surface::surface_height;

/// The six beams of a granule, in the order of the files.
pub const BEAMS: [&str; 6] = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"];

/// The value that stands for "no value" in the floating-point columns.
pub const FILL: f32 = f32::MAX;

/// What a made-up granule contains.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleSpec {
    /// The file name, such as `ATL06_20240105120000_03212411_006_01.h5`. Time, reference ground track and
    /// cycle inside the file follow from it.
    pub name: String,
    /// Degrees east of the ascending node of the orbit.
    pub node_longitude: f64,
    /// Degrees along the orbit from the ascending node to the middle of the granule; 270 is the southernmost
    /// point, at 88° S.
    pub centre_argument: f64,
    /// Segments from end to end of a beam, before the gaps (about 5 %) are taken out.
    pub segments_per_beam: usize,
    /// Metres between segments.
    pub segment_spacing: f64,
    /// Seed of gaps, noise and quality flags.
    pub seed: u64,
    /// The beams in the file, out of [`BEAMS`].
    pub beams: Vec<String>,
    /// Rows per beam whose position is made unusable: by turns a latitude that is NaN, a longitude that is
    /// NaN, a latitude of 95° and a longitude that is infinite.
    pub bad_positions: usize,
    /// Groups and datasets left out of the file, such as `gt1l/land_ice_segments` or
    /// `gt2r/land_ice_segments/h_li`.
    pub without: Vec<String>,
}

/// Which way a track crosses a parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Northwards.
    Ascending,
    /// Southwards.
    Descending,
}

impl GranuleSpec {
    /// A granule of six beams with 10,000 segments each, around the southernmost point of its orbit.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            node_longitude: 0.0,
            centre_argument: 270.0,
            segments_per_beam: 10_000,
            segment_spacing: 20.0,
            seed: 0,
            beams: BEAMS.map(String::from).to_vec(),
            bad_positions: 0,
            without: Vec::new(),
        }
    }

    /// The same granule on the orbit that crosses the given position (degrees north and east) in its middle.
    ///
    /// # Errors
    /// An input error when no orbit comes there: beyond 88° north and south, or a position that is no number.
    pub fn through(self, latitude: f64, longitude: f64, direction: Direction) -> Result<Self> {
        let (node_longitude, centre_argument) = track::orbit_through(latitude, longitude, direction)?;
        Ok(Self { node_longitude, centre_argument, ..self })
    }

    fn check(&self) -> Result<GranuleName> {
        let name = self.name.parse()?;
        if !self.node_longitude.is_finite() || !self.centre_argument.is_finite() {
            return Err(Error::input("the orbit of a made-up granule needs finite angles"));
        }
        if !(self.segment_spacing.is_finite() && self.segment_spacing > 0.0) {
            return Err(Error::input("the segments of a made-up granule need a positive spacing in metres"));
        }
        if let Some(beam) = self.beams.iter().find(|beam| !BEAMS.contains(&beam.as_str())) {
            return Err(Error::input(format!("there is no beam {beam:?}: use {}", BEAMS.join(", "))));
        }
        Ok(name)
    }
}

/// The bytes of the HDF5 file of a made-up granule.
///
/// # Errors
/// Input errors: a file name that is not ATL06's, an unknown beam, a spacing or orbit that makes no sense, a
/// path to leave out that is not there.
pub fn write_granule(spec: &GranuleSpec) -> Result<Vec<u8>> {
    granule(spec).and_then(|root| write_file(&root)).context(|| format!("made-up granule {}", spec.name))
}

fn granule(spec: &GranuleSpec) -> Result<Group> {
    let name = spec.check()?;
    let mut root = dictionary::root(&name);
    for beam in &spec.beams {
        let segments = dictionary::land_ice_segments(beam_rows(spec, beam)?);
        root = root.group(beam, dictionary::beam(beam).group("land_ice_segments", segments));
    }
    for path in &spec.without {
        root.remove(path).ok_or_else(|| {
            Error::input(format!(
                "there is no {path:?} to leave out: use a path such as gt1l/land_ice_segments"
            ))
        })?;
    }
    Ok(root)
}

#[cfg(test)]
mod tests;
