//! From the area of a query to what CMR can be asked for.
//!
//! CMR takes boxes whose west is not east of their east, polygons without holes whose closed rings run counter-clockwise on
//! the sphere with great circles as edges, lines and points (CMR search API, *Granule Search By Parameters*). What is asked
//! for is never smaller than the area.

mod bounds;

use zagg_core::footprint::{Footprint, LonLat};
use zagg_core::sphere::{box_width, chord, unit};
use zagg_core::{Error, Result};

use crate::geometry::{Edges, position, wrapped};
use bounds::{Span, left_area, of_line, of_ring};

/// Most vertices of one question. CMR refuses polygons with more than about 5,000.
const MOST_VERTICES: usize = 4000;
/// Most boxes that are asked for one by one.
const MOST_BOXES: usize = 8;
/// Narrower boxes are widened to this, degrees: a box without an area may match nothing.
const NARROWEST: f64 = 1e-6;
/// Rings that enclose less than this, in steradians, are asked for as boxes.
const NO_AREA: f64 = 1e-12;

/// One question's area.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Region {
    /// All of the globe.
    Everywhere,
    /// West is not east of east.
    Box(Edges),
    /// Closed rings, counter-clockwise; the area of any.
    Polygons(Vec<Vec<LonLat>>),
    /// Any of these tracks.
    Lines(Vec<Vec<LonLat>>),
    /// Any of these places.
    Points(Vec<LonLat>),
}

/// What to ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// One question each; the answer is the union.
    pub(crate) regions: Vec<Region>,
    /// Box around the area, `west > east` when it crosses the antimeridian; none without an area.
    pub(crate) bbox: Option<Edges>,
    /// Why something else is asked for than the area itself.
    pub(crate) note: Option<String>,
}

impl Asked {
    /// What to ask for when this is the area.
    ///
    /// # Errors
    /// When the area is none, or is given as shards.
    pub(crate) fn new(area: Option<&Footprint>) -> Result<Self> {
        let Some(area) = area else {
            return Ok(Self { regions: vec![Region::Everywhere], bbox: None, note: None });
        };
        let mut shapes = Shapes::default();
        for part in area.parts() {
            shapes.add(part).map_err(|why| Error::input(format!("area: {why}")))?;
        }
        shapes.asked()
    }
}

/// The shapes of an area, by their kinds.
#[derive(Debug, Default)]
struct Shapes {
    boxes: Vec<Span>,
    rings: Vec<Vec<LonLat>>,
    lines: Vec<Vec<LonLat>>,
    points: Vec<LonLat>,
}

impl Shapes {
    fn add(&mut self, part: &Footprint) -> Result<(), String> {
        match part {
            Footprint::Box { west, south, east, north } => {
                let width =
                    box_width(*west, *south, *east, *north).map_err(|error| error.message().to_string())?;
                self.boxes.push(Span::new(wrapped(*west), width, *south, *north));
            }
            Footprint::Points(points) => self.points.extend(checked(points)?),
            Footprint::Lines(lines) => {
                for line in lines {
                    let line = checked(line)?;
                    if line.len() < 2 {
                        return Err("it has a line with fewer than two places".into());
                    }
                    self.lines.push(line);
                }
            }
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    self.rings.push(ring(&polygon.exterior)?);
                }
            }
            _ => return Err("CMR must be asked for an area on the globe, not for shards of a grid".into()),
        }
        Ok(())
    }

    fn asked(self) -> Result<Asked> {
        let mut all = self.boxes.clone();
        let mut asked = Asked { regions: Vec::new(), bbox: None, note: None };
        let mut boxes = self.boxes;
        if boxes.len() > MOST_BOXES {
            asked.note = Some(instead(&format!("has {} boxes", boxes.len()), 1));
            boxes = vec![Span::around(&boxes)];
        }
        let is_flat = self.rings.iter().any(|ring| left_area(ring).abs() < NO_AREA);
        let kinds = [
            (
                self.rings.iter().map(|ring| of_ring(ring)).collect::<Vec<Span>>(),
                count(&self.rings),
                Region::Polygons(self.rings),
            ),
            (
                self.lines.iter().map(|line| of_line(line)).collect(),
                count(&self.lines),
                Region::Lines(self.lines),
            ),
            (
                self.points.iter().map(|p| Span::new(p[0], 0.0, p[1], p[1])).collect(),
                self.points.len(),
                Region::Points(self.points),
            ),
        ];
        for (spans, vertices, region) in kinds {
            all.extend_from_slice(&spans);
            let is_flat = is_flat && matches!(region, Region::Polygons(_));
            if spans.is_empty() {
                continue;
            }
            if vertices <= MOST_VERTICES && !is_flat {
                asked.regions.push(region);
                continue;
            }
            let why = match is_flat {
                true => "has a polygon that encloses nothing".to_string(),
                false => {
                    format!("has {vertices} vertices, more than the {MOST_VERTICES} that CMR is asked with")
                }
            };
            let around = if spans.len() <= MOST_BOXES { spans } else { vec![Span::around(&spans)] };
            asked.note = Some(instead(&why, around.len()));
            boxes.extend(around);
        }
        if all.is_empty() {
            return Err(Error::input("area: it is empty"));
        }
        asked.regions.extend(split(&boxes));
        asked.bbox = Some(Span::around(&all).edges());
        Ok(asked)
    }
}

fn instead(why: &str, boxes: usize) -> String {
    let what = if boxes == 1 { "the box around it is" } else { "the boxes around its parts are" };
    format!("the area {why}; {what} asked for instead, which finds more granules than touch it")
}

fn count(parts: &[Vec<LonLat>]) -> usize {
    parts.iter().map(Vec::len).sum()
}

fn checked(places: &[LonLat]) -> Result<Vec<LonLat>, String> {
    let mut all = places.iter().map(|place| position(*place)).collect::<Result<Vec<_>, _>>()?;
    all.dedup();
    Ok(all)
}

/// A closed ring, counter-clockwise around the smaller of its two regions.
fn ring(exterior: &[LonLat]) -> Result<Vec<LonLat>, String> {
    let mut ring = checked(exterior)?;
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 {
        return Err(format!("it has a polygon of {} places, which needs at least three", ring.len()));
    }
    let opposite = |a: LonLat, b: LonLat| chord(unit(a[0], a[1]), unit(b[0], b[1])) > 2.0 - 1e-12;
    if (0..ring.len()).any(|i| opposite(ring[i], ring[(i + 1) % ring.len()])) {
        return Err("it has an edge between opposite places of the globe; put a place between them".into());
    }
    ring.push(ring[0]);
    if left_area(&ring) < 0.0 {
        ring.reverse();
    }
    Ok(ring)
}

/// Boxes that CMR takes: those across the antimeridian are two.
fn split(spans: &[Span]) -> Vec<Region> {
    let mut boxes: Vec<Edges> = Vec::new();
    for span in spans {
        let span = span.at_least(NARROWEST);
        let [west, south, east, north] = span.edges();
        let parts = match west > east {
            true => vec![[west, south, 180.0, north], [-180.0, south, east, north]],
            false => vec![[west, south, east, north]],
        };
        for part in parts {
            if !boxes.contains(&part) {
                boxes.push(part);
            }
        }
    }
    boxes.into_iter().map(Region::Box).collect()
}

#[cfg(test)]
mod tests;
