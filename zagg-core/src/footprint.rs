//! Where a granule observed, or a user is interested.

pub mod geojson;
pub mod tracks;

use crate::error::Result;

/// Longitude and latitude in degrees, WGS84 geodetic.
pub type LonLat = [f64; 2];

/// A closed ring with its holes. Edges are great circles; the first vertex need not be repeated at the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polygon {
    /// Outer ring; the smaller of the two regions it bounds is meant.
    pub exterior: Vec<LonLat>,
    /// Rings cut out of it.
    pub holes: Vec<Vec<LonLat>>,
}

/// A region or a set of places on the sphere.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Footprint {
    /// One or more polygons.
    Polygons(Vec<Polygon>),
    /// Tracks: the great circles between consecutive vertices.
    Lines(Vec<Vec<LonLat>>),
    /// Single places.
    Points(Vec<LonLat>),
    /// A box bounded by meridians and parallels, `west` to `east` going east (so `west > east` crosses the
    /// antimeridian).
    Box {
        /// Western edge in degrees.
        west: f64,
        /// Southern edge in degrees.
        south: f64,
        /// Eastern edge in degrees.
        east: f64,
        /// Northern edge in degrees.
        north: f64,
    },
    /// Exactly these shards of the grid at hand: a catalog that has seen every position gives this.
    Shards(Vec<u64>),
    /// All of these together: several boxes, or an area of polygons and lines.
    Union(Vec<Footprint>),
}

impl Footprint {
    /// The parts of a union, and of unions in it, in their order; of any other footprint itself.
    pub fn parts(&self) -> Vec<&Self> {
        let (mut parts, mut rest) = (Vec::new(), vec![self]);
        while let Some(part) = rest.pop() {
            match part {
                Self::Union(more) => rest.extend(more.iter().rev()),
                _ => parts.push(part),
            }
        }
        parts
    }

    /// The shards of all [parts](Self::parts), ascending, each once; `cover` gives those of one.
    ///
    /// # Errors
    /// The first of `cover`.
    pub fn cover_parts(&self, cover: impl Fn(&Self) -> Result<Vec<u64>>) -> Result<Vec<u64>> {
        let Self::Union(_) = self else { return cover(self) };
        let mut shards = Vec::new();
        for part in self.parts() {
            shards.append(&mut cover(part)?);
        }
        Ok(crate::grid::ascending(shards))
    }
}
