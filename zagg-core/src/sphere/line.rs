//! Tracks, great circles between consecutive vertices, and single places.

use super::vector::{Arc, Reach, Vector, unit};
use super::{Cone, Region, Verdict, check_position};
use crate::error::{Error, Result};
use crate::footprint::LonLat;

/// The places on one track, or some single places; perhaps with all around them.
#[derive(Debug)]
pub struct LineRegion {
    arcs: Vec<Arc>,
    /// Single places.
    places: Vec<Vector>,
    widened: f64,
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
        // A track whose vertices are all the same is a place.
        let places = if arcs.is_empty() { vec![unit(first[0], first[1])] } else { Vec::new() };
        Ok(Self { arcs, places, widened: 0.0 })
    }

    /// These places alone, degrees.
    ///
    /// # Errors
    /// When a position is none.
    pub fn places(points: &[LonLat]) -> Result<Self> {
        points.iter().try_for_each(|point| check_position(*point))?;
        let places = points.iter().map(|point| unit(point[0], point[1])).collect();
        Ok(Self { arcs: Vec::new(), places, widened: 0.0 })
    }

    /// The same with every place that is no farther away than these radians.
    #[must_use]
    pub fn widened(self, radians: f64) -> Self {
        Self { widened: radians, ..self }
    }

    /// Whether an arc or place, by its number, is within reach.
    fn is_near(&self, number: u32, centre: Vector, reach: &Reach) -> bool {
        let number = number as usize;
        match self.arcs.get(number) {
            Some(arc) => arc.is_within(centre, reach),
            None => reach.joins(self.places[number - self.arcs.len()], centre),
        }
    }
}

impl Region for LineRegion {
    /// The arcs and places that come near the cone, by number: the arcs first.
    type State = Vec<u32>;

    fn start(&self) -> Self::State {
        (0..).zip(self.arcs.iter().map(drop).chain(self.places.iter().map(drop))).map(|(i, ())| i).collect()
    }

    fn judge(&self, parent: &Self::State, cone: &Cone) -> Verdict<Self::State> {
        let reach = Reach::new(cone.radius + self.widened);
        let near: Vec<u32> =
            parent.iter().copied().filter(|number| self.is_near(*number, cone.centre, &reach)).collect();
        if near.is_empty() {
            return Verdict::Outside;
        }
        let whole = Reach::new(self.widened - cone.radius);
        if self.widened > cone.radius && near.iter().any(|number| self.is_near(*number, cone.centre, &whole))
        {
            return Verdict::Inside;
        }
        Verdict::Maybe(near)
    }

    fn reaches(&self, state: &Self::State, centre: Vector, radius: f64) -> bool {
        let reach = Reach::new(radius + self.widened);
        radius > 0.0 && state.iter().any(|number| self.is_near(*number, centre, &reach))
    }
}
