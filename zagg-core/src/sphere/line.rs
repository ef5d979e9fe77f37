//! Tracks: great circles between consecutive vertices.

use super::vector::{Arc, chord, chord_to_angle, unit};
use super::{Cone, Region, Verdict, check_position};
use crate::error::{Error, Result};
use crate::footprint::LonLat;

/// The places on one track.
#[derive(Debug)]
pub struct LineRegion {
    arcs: Vec<Arc>,
    /// The only place of a track whose vertices are all the same.
    place: [f64; 3],
}

impl LineRegion {
    /// The places on the line through these vertices, degrees.
    ///
    /// # Errors
    /// Names what is wrong: fewer than two vertices, a position that is none, opposite places side by side.
    pub fn new(line: &[LonLat]) -> Result<Self> {
        let [first, _, ..] = line else {
            return Err(Error::input(format!(
                "a line of the footprint has {} vertices; it needs at least two",
                line.len()
            )));
        };
        for vertex in line {
            check_position(*vertex)?;
        }
        let mut arcs = Vec::with_capacity(line.len() - 1);
        for pair in line.windows(2) {
            arcs.extend(Arc::between(pair[0], pair[1])?);
        }
        Ok(Self { arcs, place: unit(first[0], first[1]) })
    }
}

impl Region for LineRegion {
    /// The arcs that come near the cone.
    type State = Vec<u32>;

    fn start(&self) -> Self::State {
        (0..).zip(&self.arcs).map(|(i, _)| i).collect()
    }

    fn judge(&self, parent: &Self::State, cone: &Cone) -> Verdict<Self::State> {
        if self.arcs.is_empty() {
            let near = chord_to_angle(chord(self.place, cone.centre)) <= cone.radius;
            return if near { Verdict::Maybe(Vec::new()) } else { Verdict::Outside };
        }
        let near: Vec<u32> = parent
            .iter()
            .copied()
            .filter(|i| self.arcs[*i as usize].distance(cone.centre) <= cone.radius)
            .collect();
        if near.is_empty() { Verdict::Outside } else { Verdict::Maybe(near) }
    }
}
