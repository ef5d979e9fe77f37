//! The rows of one beam.

use zagg_core::error::{Error, Result};

use super::random::Random;
use super::surface::surface_height;
use super::track::{self, EARTH_RADIUS};
use super::{BEAMS, FILL, GranuleSpec};

/// Metres to the left of the reference track, beam by beam: three pairs, 90 m apart within a pair.
const LEFT: [f64; 6] = [3345.0, 3255.0, 45.0, -45.0, -3255.0, -3345.0];
/// Metres that the beams move along the ground in a second.
const GROUND_SPEED: f64 = 7143.0;
/// Metres between the segments that `segment_id` counts.
const SEGMENT_LENGTH: f64 = 20.0;
/// Segments in a gap and in a run of flagged ones, on average.
const GAP: u64 = 20;
const FLAGGED: u64 = 10;
/// The share of segments that is missing, flagged and, within the flagged ones, filled.
const GAP_SHARE: f64 = 0.05;
const FLAGGED_SHARE: f64 = 0.12;
const FILLED_SHARE: f64 = 1.0 / 6.0;

/// The columns of one beam's `land_ice_segments`, all of one length and in along-track order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BeamRows {
    /// 0 for the best quality, 1 for potential problems.
    pub atl06_quality_summary: Vec<i8>,
    /// Seconds since 2018-01-01.
    pub delta_time: Vec<f64>,
    /// Heights in metres, or [`FILL`].
    pub h_li: Vec<f32>,
    /// Errors of the heights in metres, or [`FILL`].
    pub h_li_sigma: Vec<f32>,
    /// Degrees north.
    pub latitude: Vec<f64>,
    /// Degrees east, from -180.
    pub longitude: Vec<f64>,
    /// Segments of 20 m from the equator on.
    pub segment_id: Vec<i32>,
    /// Geolocation errors in metres, or [`FILL`].
    pub sigma_geo_h: Vec<f32>,
}

/// The rows of a beam, as [`super::write_granule`] writes them.
///
/// # Errors
/// Input errors: as for [`super::write_granule`], and a beam that does not exist.
pub fn beam_rows(spec: &GranuleSpec, beam: &str) -> Result<BeamRows> {
    let start = spec.check()?.start as f64;
    let index = BEAMS
        .iter()
        .position(|name| *name == beam)
        .ok_or_else(|| Error::input(format!("there is no beam {beam:?}: use {}", BEAMS.join(", "))))?;
    let mut random = Random::new(spec.seed, index as u64);
    let mut rows = BeamRows::default();
    let (mut gap, mut flagged) = (0, 0);
    for segment in 0..spec.segments_per_beam {
        if starts(&mut random, gap, GAP_SHARE, GAP) {
            gap = random.run(GAP);
        }
        if gap > 0 {
            gap -= 1;
            continue;
        }
        if starts(&mut random, flagged, FLAGGED_SHARE, FLAGGED) {
            flagged = random.run(FLAGGED);
        }
        let along = (segment as f64 - spec.segments_per_beam as f64 / 2.0) * spec.segment_spacing;
        let argument = spec.centre_argument + (along / EARTH_RADIUS).to_degrees();
        let (latitude, longitude) = track::position(spec.node_longitude, argument, LEFT[index]);
        rows.latitude.push(latitude);
        rows.longitude.push(longitude);
        rows.delta_time.push(start + segment as f64 * spec.segment_spacing / GROUND_SPEED);
        let from_equator = argument.rem_euclid(360.0).to_radians() * EARTH_RADIUS;
        rows.segment_id.push((from_equator / SEGMENT_LENGTH) as i32 + 1);
        rows.push_height(&mut random, surface_height(latitude, longitude), flagged > 0);
        flagged = flagged.saturating_sub(1);
    }
    rows.spoil_positions(spec.bad_positions);
    Ok(rows)
}

/// Whether a run starts here, so that runs of `mean` segments come to take up `share` of all segments.
fn starts(random: &mut Random, running: u64, share: f64, mean: u64) -> bool {
    running == 0 && random.uniform() < share / (1.0 - share) / mean as f64
}

impl BeamRows {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.latitude.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.latitude.is_empty()
    }

    /// Adds what was measured: close to the surface, or flagged and well off it, or flagged and missing.
    fn push_height(&mut self, random: &mut Random, surface: f64, flagged: bool) {
        let [noise, spread, filled] = [random.normal(), random.uniform(), random.uniform()];
        let (height, sigma, geolocation) = if !flagged {
            (surface + 0.12 * noise, 0.01 + 0.05 * spread, 0.1 + 0.2 * spread)
        } else if filled >= FILLED_SHARE {
            (surface + 40.0 * noise, 0.2 + 1.5 * spread, 0.3 + spread)
        } else {
            let fill = f64::from(FILL);
            (fill, fill, fill)
        };
        self.atl06_quality_summary.push(i8::from(flagged));
        self.h_li.push(height as f32);
        self.h_li_sigma.push(sigma as f32);
        self.sigma_geo_h.push(geolocation as f32);
    }

    /// Makes `count` positions unusable, spread evenly over the beam.
    fn spoil_positions(&mut self, count: usize) {
        let count = count.min(self.len());
        for number in 0..count {
            let row = number * self.len() / count;
            match number % 4 {
                0 => self.latitude[row] = f64::NAN,
                1 => self.longitude[row] = f64::NAN,
                2 => self.latitude[row] = 95.0,
                _ => self.longitude[row] = f64::INFINITY,
            }
        }
    }
}
