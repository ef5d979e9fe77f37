//! Pieces of the globe between two meridians and two parallels.

use zagg_core::Result;
use zagg_core::footprint::LonLat;
use zagg_core::sphere::{Cone, box_width, chord, chord_to_angle, unit};

/// Degrees along a side of the first pieces.
const TILE: f64 = 15.0;

/// Degrees by which boxes are widened, for the rounding of whole turns.
const SLACK: f64 = 1e-11;

/// A piece of the globe; degrees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Western edge, up to two turns away from the middle of the map.
    pub(super) west: f64,
    /// Southern edge.
    pub(super) south: f64,
    /// Eastern edge, not west of the western one.
    pub(super) east: f64,
    /// Northern edge.
    pub(super) north: f64,
    /// How often the first piece was halved for this one.
    pub(super) halvings: u32,
}

/// The pieces that the globe is divided into, beginning at a meridian where the map may be cut. The equator is a border, too.
pub(super) fn tiles(cut: f64) -> Vec<Piece> {
    let (columns, rows) = (0..24, 0..12);
    columns
        .flat_map(|column| {
            let west = cut + TILE * f64::from(column);
            rows.clone().map(move |row| {
                let south = TILE * f64::from(row) - 90.0;
                Piece { west, south, east: west + TILE, north: south + TILE, halvings: 0 }
            })
        })
        .collect()
}

/// The parts of these pieces that lie in a box: west, south, east, north.
pub(super) fn tiles_of_box(cut: f64, [west, south, east, north]: [f64; 4]) -> Result<Vec<Piece>> {
    let width = box_width(west, south, east, north)?;
    // The box begins within the turn that the pieces cover, and may go on into the next.
    let west = cut + (west - cut).rem_euclid(360.0) - SLACK;
    let east = west + width + 2.0 * SLACK;
    let (south, north) = ((south - SLACK).max(-90.0), (north + SLACK).min(90.0));
    let mut pieces = Vec::new();
    for tile in tiles(cut) {
        for turn in [-360.0, 0.0, 360.0] {
            let piece = Piece {
                west: (tile.west + turn).max(west),
                south: tile.south.max(south),
                east: (tile.east + turn).min(east),
                north: tile.north.min(north),
                halvings: 0,
            };
            if piece.west <= piece.east && piece.south <= piece.north {
                pieces.push(piece);
            }
        }
    }
    Ok(pieces)
}

impl Piece {
    /// Both halves, side by side or one above the other.
    pub(super) fn halves(&self, side_by_side: bool) -> [Self; 2] {
        let halved = Self { halvings: self.halvings + 1, ..*self };
        if side_by_side {
            let middle = 0.5 * (self.west + self.east);
            [Self { east: middle, ..halved }, Self { west: middle, ..halved }]
        } else {
            let middle = 0.5 * (self.south + self.north);
            [Self { north: middle, ..halved }, Self { south: middle, ..halved }]
        }
    }

    /// Corners and centre.
    pub(super) fn samples(&self) -> [LonLat; 5] {
        let Self { west, south, east, north, .. } = *self;
        [
            [west, south],
            [east, south],
            [0.5 * (west + east), 0.5 * (south + north)],
            [west, north],
            [east, north],
        ]
    }

    /// Degrees on the ground: the longer of both sides.
    pub(super) fn size(&self) -> f64 {
        (self.north - self.south).max((self.east - self.west) * self.widest())
    }

    /// Cosine of the latitude nearest to the equator.
    pub(super) fn widest(&self) -> f64 {
        let nearest = if self.south > 0.0 { self.south } else { self.north.min(0.0) };
        nearest.to_radians().cos()
    }

    /// A cone that contains the piece.
    ///
    /// The distance from the centre grows with the difference in longitude. On a meridian at most 7.5° away its
    /// cosine is a sine wave of the latitude, with its crest within half a degree of the centre, so it falls on both sides and
    /// the farthest place is a corner.
    pub(super) fn cone(&self) -> Cone {
        let (lon, lat) = (0.5 * (self.west + self.east), 0.5 * (self.south + self.north));
        let centre = unit(lon, lat);
        let reach = [self.south, self.north]
            .map(|lat| chord(centre, unit(self.east, lat)))
            .into_iter()
            .fold(0.0, f64::max);
        // Borders drawn by people are not where these parts of an interval lead.
        let sample = unit(
            self.west + 0.537_17 * (self.east - self.west),
            self.south + 0.461_93 * (self.north - self.south),
        );
        let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
        Cone { centre, lon_lat: (lon, lat), radius: chord_to_angle(reach) + 1e-12, sample }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The cone of every piece contains all of it.
        #[test]
        fn cones_contain_their_pieces(
            cut in -180.0..180.0_f64, tile in 0..288_usize, sides in prop::collection::vec(any::<(bool, bool)>(), 0..20),
            places in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 40),
        ) {
            let mut piece = tiles(cut)[tile];
            for (direction, second) in sides {
                piece = piece.halves(direction)[usize::from(second)];
            }
            let cone = piece.cone();
            let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
            for (x, y) in places.into_iter().chain(corners) {
                let place = unit(piece.west + x * (piece.east - piece.west), piece.south + y * (piece.north - piece.south));
                let distance = chord_to_angle(chord(cone.centre, place));
                prop_assert!(distance <= cone.radius, "{piece:?}: {distance} > {}", cone.radius);
            }
            prop_assert!(chord_to_angle(chord(cone.centre, cone.sample)) < cone.radius);
        }

        /// The pieces of a box hold every place of it.
        #[test]
        fn boxes_are_divided_without_loss(
            cut in -180.0..180.0_f64, west in -400.0..400.0_f64, width in 0.0..=360.0_f64,
            south in -90.0..90.0_f64, height in 0.0..180.0_f64, places in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 20),
        ) {
            let north = (south + height).min(90.0);
            let pieces = tiles_of_box(cut, [west, south, west + width, north]).unwrap();
            for (x, y) in places {
                let (lon, lat) = (west + x * width, south + y * (north - south));
                let inside = pieces.iter().any(|p| {
                    (p.south..=p.north).contains(&lat)
                        && (-3..=3).any(|turn| (p.west..=p.east).contains(&(lon + 360.0 * f64::from(turn))))
                });
                prop_assert!(inside, "({lon}, {lat})");
            }
        }
    }
}
