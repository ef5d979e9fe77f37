//! Meridians and parallels over a map, and their labels.

use std::collections::BTreeMap;

use crate::view::View;

/// Steps between meridians or parallels, degrees.
const STEPS: [f64; 18] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0];

/// Places along each side of a map that are looked at for what it shows.
const SAMPLES: u32 = 61;

/// Points of a line.
const POINTS: u32 = 360;

/// Points along an edge of the map.
const EDGE_POINTS: u32 = 1500;

/// A line in pixels from the upper left corner of the map.
pub(crate) type Line = Vec<(f64, f64)>;

/// The edge of the map that a label stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Bottom,
    Top,
    Left,
    Right,
    /// On its line.
    Inside,
}

/// A label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) at: (f64, f64),
    pub(crate) side: Side,
}

/// Meridians and parallels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Graticule {
    pub(crate) lines: Vec<Line>,
    pub(crate) labels: Vec<Label>,
}

/// Where lines of some numbers cross the edges of a map.
type Crossings = BTreeMap<i64, Vec<(Side, (f64, f64))>>;

/// What a map shows of the globe, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shown {
    west: f64,
    /// Not below `west`, perhaps beyond 180.
    east: f64,
    south: f64,
    north: f64,
    has_pole: bool,
}

impl Shown {
    fn of(view: &View) -> Option<Self> {
        if view.crs.is_geographic() {
            let e = view.extent();
            return Some(Self {
                west: e.left,
                east: e.right,
                south: e.bottom.max(-90.0),
                north: e.top.min(90.0),
                has_pole: false,
            });
        }
        let (mut lons, mut south, mut north) = (Vec::new(), f64::INFINITY, f64::NEG_INFINITY);
        for row in 0..=SAMPLES {
            for column in 0..=SAMPLES {
                let share = |at: u32, n: u32| f64::from(at) / f64::from(SAMPLES) * f64::from(n);
                let (x, y) = view.place(share(column, view.width), share(row, view.height));
                let (lon, lat) = view.crs.position(x, y);
                if lon.is_finite() {
                    lons.push(lon);
                    (south, north) = (south.min(lat), north.max(lat));
                }
            }
        }
        lons.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*lons.first()?, *lons.last()?);
        let gap = lons
            .windows(2)
            .map(|pair| (pair[1] - pair[0], pair[0], pair[1]))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let (west, east) = match gap {
            Some((gap, before, after)) if gap > first + 360.0 - last => (after, before + 360.0),
            _ => (first, last),
        };
        let pole = [-90.0, 90.0].into_iter().find(|lat| {
            let (x, y) = view.crs.place(0.0, *lat);
            let (x, y) = view.pixels(x, y);
            x > 0.0 && y > 0.0 && x < f64::from(view.width) && y < f64::from(view.height)
        });
        match pole {
            // A pole that is a point has all meridians around it; one that is a line has not.
            Some(lat)
                if {
                    let (a, b) = (view.crs.place(0.0, lat), view.crs.place(90.0, lat));
                    (a.0 - b.0).hypot(a.1 - b.1) < view.pixel
                } =>
            {
                Some(Self {
                    west: -180.0,
                    east: 180.0,
                    south: if lat < 0.0 { -90.0 } else { south },
                    north: if lat > 0.0 { 90.0 } else { north },
                    has_pole: true,
                })
            }
            _ => Some(Self { west, east, south, north, has_pole: false }),
        }
    }
}

/// The step that divides a range into at most so many parts.
fn step(range: f64, most: f64) -> f64 {
    STEPS.into_iter().find(|step| range / step <= most).unwrap_or(90.0)
}

/// Multiples of a step in a range.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    (0..=(last - first).clamp(-1.0, 400.0) as i64)
        .filter(|_| last >= first)
        .map(|at| (first + at as f64) * step)
        .collect()
}

impl Graticule {
    /// Those of a view, about `most` lines of each kind.
    pub(crate) fn of(view: &View, most: f64) -> Self {
        let Some(shown) = Shown::of(view) else { return Self::default() };
        let (tall, wide) = (f64::from(view.height), f64::from(view.width));
        let part = |side: f64| (most * side / tall.max(wide)).max(2.0);
        let lat_step = step(shown.north - shown.south, if shown.has_pole { most * 0.7 } else { part(tall) });
        let lon_step = if shown.has_pole {
            if most >= 5.0 { 30.0 } else { 45.0 }
        } else {
            step(shown.east - shown.west, part(wide))
        };
        let meridians: Vec<f64> = multiples(shown.west, shown.east, lon_step)
            .into_iter()
            .filter(|lon| !(shown.has_pole && *lon >= 180.0 - 1e-9))
            .collect();
        let parallels: Vec<f64> = multiples(shown.south, shown.north, lat_step)
            .into_iter()
            .filter(|lat| lat.abs() < 90.0 - 1e-9)
            .collect();
        let mut graticule = Self::default();
        let geographic = view.crs.is_geographic();
        let pixels = |lon: f64, lat: f64| {
            let (x, y) = if geographic { (lon, lat) } else { view.crs.place(lon, lat) };
            view.pixels(x, y)
        };
        let along = |low: f64, high: f64, at: u32| low + (high - low) * f64::from(at) / f64::from(POINTS);
        for &lon in &meridians {
            // Near a pole that is a point only four meridians go on.
            let stops = shown.has_pole && lon.rem_euclid(90.0) > 1e-9;
            let limit = if stops { 90.0 - lat_step.min(10.0) } else { 90.0 };
            let (low, high) = ((shown.south - lat_step).max(-limit), (shown.north + lat_step).min(limit));
            graticule.add(view, &(0..=POINTS).map(|at| pixels(lon, along(low, high, at))).collect::<Line>());
        }
        let (west, east) = if geographic {
            (shown.west, shown.east)
        } else {
            ((shown.west - lon_step).max(shown.east - 360.0), shown.east + lon_step)
        };
        let (west, east) = (west, east.min(west + 360.0));
        for &lat in &parallels {
            graticule.add(view, &(0..=POINTS).map(|at| pixels(along(west, east, at), lat)).collect::<Line>());
        }
        graticule.label(view, &shown, (lon_step, lat_step), &parallels);
        if !shown.has_pole {
            // Where the edges of the map are beside the globe, labels stand on the lines.
            let middle = parallels.iter().copied().min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
            for &lat in &parallels {
                let points = (0..=POINTS).map(|at| pixels(along(west, east, at), lat));
                let first = points.filter(|at| is_on(view, *at)).min_by(|a, b| a.0.total_cmp(&b.0));
                graticule.on_line(latitude(lat, lat_step), first);
            }
            for &lon in &meridians {
                let at = pixels(lon, middle);
                graticule.on_line(longitude(lon, lon_step), Some(at).filter(|at| is_on(view, *at)));
            }
        }
        graticule
    }

    /// Adds a line, in pieces where it leaves the plane or jumps to the other side of it.
    fn add(&mut self, view: &View, points: &[(f64, f64)]) {
        let far = f64::from(view.width.max(view.height)) * 0.5;
        for piece in points.chunk_by(|a, b| (a.0 - b.0).hypot(a.1 - b.1) < far) {
            if piece.len() > 1 && piece.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
                self.lines.push(piece.to_vec());
            }
        }
    }

    /// Labels a line on itself, unless it has a label already.
    fn on_line(&mut self, text: String, at: Option<(f64, f64)>) {
        if let Some(at) = at.filter(|_| !self.labels.iter().any(|label| label.text == text)) {
            self.labels.push(Label { text, at, side: Side::Inside });
        }
    }

    fn label(&mut self, view: &View, shown: &Shown, (lon_step, lat_step): (f64, f64), parallels: &[f64]) {
        let mut meridians: Crossings = BTreeMap::new();
        let mut circles: Crossings = BTreeMap::new();
        for side in [Side::Bottom, Side::Top, Side::Left, Side::Right] {
            let at = |share: f64| {
                let (w, h) = (f64::from(view.width), f64::from(view.height));
                match side {
                    Side::Bottom => (share * w, h),
                    Side::Top => (share * w, 0.0),
                    Side::Left => (0.0, share * h),
                    Side::Right | Side::Inside => (w, share * h),
                }
            };
            let mut before: Option<(f64, f64, f64)> = None;
            for number in 0..=EDGE_POINTS {
                let share = f64::from(number) / f64::from(EDGE_POINTS);
                let (x, y) = at(share);
                let (x, y) = view.place(x, y);
                let (lon, lat) = view.crs.position(x, y);
                if !lon.is_finite() {
                    before = None;
                    continue;
                }
                let mut unwrapped = lon;
                if let Some((from, lon0, lat0)) = before {
                    let turn = (lon - lon0 + 540.0).rem_euclid(360.0) - 180.0;
                    // Counted on over the antimeridian, so that a crossing at a point is one of two pieces.
                    unwrapped = lon0 + turn;
                    let place = |part: f64| at(from + (share - from) * part);
                    let turns = (360.0 / lon_step).round() as i64;
                    if turn.abs() < 20.0 {
                        for (number, part) in crossed(lon0, unwrapped, lon_step) {
                            meridians.entry(number.rem_euclid(turns)).or_default().push((side, place(part)));
                        }
                    }
                    for (number, part) in crossed(lat0, lat, lat_step) {
                        circles.entry(number).or_default().push((side, place(part)));
                    }
                }
                before = Some((share, unwrapped, lat));
            }
        }
        for (number, places) in meridians {
            // One label for a meridian, at the first side that it reaches.
            if let Some((side, at)) = places.iter().min_by_key(|(side, _)| *side) {
                self.labels.push(Label {
                    text: longitude(number as f64 * lon_step, lon_step),
                    at: *at,
                    side: *side,
                });
            }
        }
        let inside = if shown.has_pole { self.inside(view, lon_step, parallels) } else { Vec::new() };
        for &lat in parallels {
            let text = latitude(lat, lat_step);
            let number = (lat / lat_step).round() as i64;
            let places = circles.get(&number).map_or(&[][..], Vec::as_slice);
            // To the left before the other sides, which have meridians.
            let rank = |side: Side| {
                [Side::Left, Side::Right, Side::Bottom, Side::Top].iter().position(|one| *one == side)
            };
            let edge = places.iter().min_by_key(|(side, _)| rank(*side));
            if let Some((_, at)) = inside.iter().find(|(of, _)| *of == number_of(lat)) {
                self.labels.push(Label { text, at: *at, side: Side::Inside });
            } else if let Some((side, at)) = edge.filter(|_| !shown.has_pole) {
                self.labels.push(Label { text, at: *at, side: *side });
            }
        }
    }

    /// Places for labels of circles around a pole: between two meridians, where most of them are on the map.
    fn inside(&self, view: &View, lon_step: f64, parallels: &[f64]) -> Vec<(i64, (f64, f64))> {
        let (w, h) = (f64::from(view.width), f64::from(view.height));
        let room = w.min(h) * 0.03;
        let count = (360.0 / lon_step).round() as u32;
        (0..count)
            .map(|at| {
                let lon = (f64::from(at) + 0.5) * lon_step;
                parallels
                    .iter()
                    .filter_map(|&lat| {
                        let (x, y) = view.crs.place(lon, lat);
                        let (x, y) = view.pixels(x, y);
                        // The lower left corner has the length scale.
                        let is_free = x > 0.35 * w || y < 0.9 * h;
                        (is_free && x > room && y > room && x < w - room && y < h - room)
                            .then_some((number_of(lat), (x, y)))
                    })
                    .collect::<Vec<_>>()
            })
            // The last of the best would depend on nothing but the order; the first does, too.
            .fold(Vec::new(), |best, here| if here.len() > best.len() { here } else { best })
    }
}

/// Whether a point lies on the map, away from its edges so that a label has room.
fn is_on(view: &View, (x, y): (f64, f64)) -> bool {
    let (w, h) = (f64::from(view.width), f64::from(view.height));
    let room = 0.04 * w.max(h);
    (room..w - room).contains(&x) && (room..h - room).contains(&y)
}

/// A parallel as a key.
fn number_of(lat: f64) -> i64 {
    (lat * 1e6).round() as i64
}

/// Multiples of a step between two values, and how far from the first to the second they lie. A line of the edge itself counts
/// once.
fn crossed(from: f64, to: f64, step: f64) -> Vec<(i64, f64)> {
    let (low, high) = (from.min(to), from.max(to));
    let (first, last) = ((low / step).floor() as i64 + 1, (high / step).floor() as i64);
    (first..=last.min(first + 8))
        .map(|n| (n, if to == from { 0.0 } else { (n as f64 * step - from) / (to - from) }))
        .collect()
}

fn degrees(value: f64, step: f64) -> String {
    let decimals = (0..4)
        .find(|n| {
            let x = step * 10f64.powi(*n);
            (x - x.round()).abs() < 1e-6
        })
        .unwrap_or(3) as usize;
    format!("{value:.decimals$}°")
}

fn longitude(lon: f64, step: f64) -> String {
    let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
    let text = degrees(lon.abs(), step);
    if lon.abs() < step * 1e-6 || (lon.abs() - 180.0).abs() < step * 1e-6 {
        text
    } else {
        text + if lon < 0.0 { "W" } else { "E" }
    }
}

fn latitude(lat: f64, step: f64) -> String {
    let text = degrees(lat.abs(), step);
    if lat.abs() < step * 1e-6 { text } else { text + if lat < 0.0 { "S" } else { "N" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Extent;
    use zagg_crs::Crs;

    fn of(crs: &str, left: f64, bottom: f64, right: f64, top: f64) -> Graticule {
        let view = View::new(Crs::parse(crs).unwrap(), Extent { left, bottom, right, top }, 600).unwrap();
        Graticule::of(&view, 6.0)
    }

    fn texts(graticule: &Graticule, sides: &[Side]) -> Vec<String> {
        graticule
            .labels
            .iter()
            .filter(|label| sides.contains(&label.side))
            .map(|label| label.text.clone())
            .collect()
    }

    #[test]
    fn degrees_are_labelled_below_and_to_the_left() {
        let world = of("EPSG:4326", -180.0, -90.0, 180.0, 90.0);
        assert!(texts(&world, &[Side::Bottom]).contains(&"60°W".to_string()), "{:?}", world.labels);
        assert!(texts(&world, &[Side::Left]).contains(&"60°S".to_string()), "{:?}", world.labels);
        assert!(texts(&world, &[Side::Top, Side::Right, Side::Inside]).is_empty());
        let small = of("EPSG:4326", 179.9, 10.0, 180.2, 10.2);
        assert!(texts(&small, &[Side::Bottom]).contains(&"179.95°W".to_string()), "{:?}", small.labels);
    }

    #[test]
    fn circles_around_a_pole_are_labelled_inside() {
        let polar = of("EPSG:3031", -3e6, -3e6, 3e6, 3e6);
        assert_eq!(texts(&polar, &[Side::Inside]), ["80°S", "70°S", "60°S"]);
        let around = texts(&polar, &[Side::Bottom, Side::Top, Side::Left, Side::Right]);
        for text in ["0°", "90°E", "180°", "90°W", "30°E"] {
            assert_eq!(around.iter().filter(|one| *one == text).count(), 1, "{text}: {around:?}");
        }
        let part = of("EPSG:3031", -1.6e6, -4e5, -1.2e6, 0.0);
        assert!(
            !texts(&part, &[Side::Left]).is_empty() && texts(&part, &[Side::Inside]).is_empty(),
            "{:?}",
            part.labels
        );
    }

    #[test]
    fn a_map_beside_the_globe_has_none() {
        let nothing = of("+proj=moll +datum=WGS84", 3e7, 3e7, 4e7, 4e7);
        assert_eq!(nothing, Graticule::default());
    }

    #[test]
    fn crossings_lie_between_their_ends() {
        assert_eq!(crossed(8.0, 12.0, 10.0), [(1, 0.5)]);
        assert_eq!(crossed(12.0, 8.0, 10.0), [(1, 0.5)]);
        assert!(crossed(1.0, 2.0, 10.0).is_empty() && crossed(0.0, 0.0, 10.0).is_empty());
    }
}
