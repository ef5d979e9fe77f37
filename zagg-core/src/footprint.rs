//! Where a granule observed, or a user is interested.

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
}
