//! Well-known binary (OGC 06-103r4, 8.2; with the type codes of ISO SQL/MM for Z and M and the flags of PostGIS).

use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::{Error, Result};

use super::geometry::{check, close, polygon_of_box};

const POINT: u32 = 1;
const LINE: u32 = 2;
const POLYGON: u32 = 3;
const MULTI_POINT: u32 = 4;
const MULTI_LINE: u32 = 5;
const MULTI_POLYGON: u32 = 6;
const COLLECTION: u32 = 7;

/// Collections inside of collections.
const MAX_DEPTH: u32 = 8;

/// The footprint of a geometry. Altitudes and measures are left out, and points that are empty.
///
/// # Errors
/// When it is damaged, has curves, or places that are not on Earth.
pub(super) fn read(bytes: &[u8]) -> Result<Footprint> {
    let mut reader = Reader { bytes };
    let footprint = reader.geometry(0)?;
    if !reader.bytes.is_empty() {
        return Err(Error::corrupt("there are bytes behind its geometry"));
    }
    check(&footprint)?;
    Ok(footprint)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

/// How the numbers of a geometry are written.
#[derive(Clone, Copy)]
struct Layout {
    little: bool,
    /// Numbers of a place.
    width: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::corrupt("its geometry ends too early"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn integer(&mut self, little: bool) -> Result<u32> {
        let bytes = self.take()?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// A number of items of at least so many bytes each, which must be there.
    fn count(&mut self, layout: Layout, least: usize) -> Result<usize> {
        let count = self.integer(layout.little)? as usize;
        match count.checked_mul(least) {
            Some(length) if length <= self.bytes.len() => Ok(count),
            _ => {
                Err(Error::corrupt(format!("its geometry has {} bytes for {count} items", self.bytes.len())))
            }
        }
    }

    fn place(&mut self, layout: Layout) -> Result<LonLat> {
        let mut place = [0.0; 4];
        for number in &mut place[..layout.width] {
            let bytes = self.take()?;
            *number = if layout.little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) };
        }
        Ok([place[0], place[1]])
    }

    fn places(&mut self, layout: Layout) -> Result<Vec<LonLat>> {
        let count = self.count(layout, 8 * layout.width)?;
        (0..count).map(|_| self.place(layout)).collect()
    }

    /// The kind of the geometry that begins here, and its layout.
    fn head(&mut self) -> Result<(u32, Layout)> {
        let little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            [other] => return Err(Error::corrupt(format!("its geometry has no byte order {other}"))),
        };
        let code = self.integer(little)?;
        let kind = (code & 0x0fff_ffff) % 1000;
        // Thousands of ISO: 1 is Z, 2 is M, 3 is both.
        let iso = match (code & 0x0fff_ffff) / 1000 {
            0 => 0,
            1 | 2 => 1,
            3 => 2,
            _ => return Err(Error::unsupported(format!("its geometry is of type {code}"))),
        };
        let flags = ((code & 0xc000_0000).count_ones() as usize).max(iso);
        if code & 0x2000_0000 != 0 {
            self.take::<4>()?;
        }
        Ok((kind, Layout { little, width: 2 + flags }))
    }

    /// The heads and contents of the parts of a geometry, all of one kind.
    fn parts<T>(
        &mut self,
        layout: Layout,
        kind: u32,
        part: impl Fn(&mut Self, Layout) -> Result<T>,
    ) -> Result<Vec<T>> {
        // A head has five bytes, and a number follows.
        let count = self.count(layout, 9)?;
        (0..count)
            .map(|_| match self.head()? {
                (found, layout) if found == kind => part(self, layout),
                (found, _) => {
                    Err(Error::corrupt(format!("its geometry has a part of type {found}, not {kind}")))
                }
            })
            .collect()
    }

    /// `None` for a polygon that is empty.
    fn polygon(&mut self, layout: Layout) -> Result<Option<Polygon>> {
        let count = self.count(layout, 4)?;
        let mut rings = (0..count).map(|_| self.places(layout)).collect::<Result<Vec<_>>>()?.into_iter();
        Ok(rings.next().map(|exterior| Polygon { exterior, holes: rings.collect() }))
    }

    fn geometry(&mut self, depth: u32) -> Result<Footprint> {
        let (kind, layout) = self.head()?;
        let there = |places: Vec<LonLat>| -> Vec<LonLat> {
            places.into_iter().filter(|[lon, lat]| !(lon.is_nan() && lat.is_nan())).collect()
        };
        Ok(match kind {
            POINT => Footprint::Points(there(vec![self.place(layout)?])),
            LINE => Footprint::Lines(vec![self.places(layout)?]),
            POLYGON => Footprint::Polygons(self.polygon(layout)?.into_iter().collect()),
            MULTI_POINT => Footprint::Points(there(self.parts(layout, POINT, Self::place)?)),
            MULTI_LINE => Footprint::Lines(self.parts(layout, LINE, Self::places)?),
            MULTI_POLYGON => Footprint::Polygons(
                self.parts(layout, POLYGON, Self::polygon)?.into_iter().flatten().collect(),
            ),
            COLLECTION if depth < MAX_DEPTH => {
                let count = self.count(layout, 9)?;
                Footprint::Union((0..count).map(|_| self.geometry(depth + 1)).collect::<Result<_>>()?)
            }
            other => {
                return Err(Error::unsupported(format!(
                    "its geometry is of type {other}, which is not read"
                )));
            }
        })
    }
}

/// The geometry of a footprint, in little-endian numbers. Rings are closed; a box is a polygon with many vertices; exact
/// shards are an empty multipolygon.
///
/// # Errors
/// When it has places that are not on Earth, or more vertices than can be counted.
pub(super) fn write(footprint: &Footprint) -> Result<Vec<u8>> {
    check(footprint)?;
    let mut bytes = Vec::new();
    match footprint {
        Footprint::Union(_) => {
            let parts = footprint.parts();
            head(&mut bytes, COLLECTION);
            count(&mut bytes, parts.len())?;
            parts.into_iter().try_for_each(|part| simple(&mut bytes, part))?;
        }
        other => simple(&mut bytes, other)?,
    }
    Ok(bytes)
}

fn head(bytes: &mut Vec<u8>, kind: u32) {
    bytes.push(1);
    bytes.extend(kind.to_le_bytes());
}

fn count(bytes: &mut Vec<u8>, count: usize) -> Result<()> {
    let count =
        u32::try_from(count).map_err(|_| Error::unsupported("its footprint has more than 2^32 vertices"))?;
    bytes.extend(count.to_le_bytes());
    Ok(())
}

fn place(bytes: &mut Vec<u8>, place: LonLat) {
    bytes.extend(place.into_iter().flat_map(f64::to_le_bytes));
}

fn places(bytes: &mut Vec<u8>, all: &[LonLat]) -> Result<()> {
    count(bytes, all.len())?;
    all.iter().for_each(|&each| place(bytes, each));
    Ok(())
}

/// One part alone, or several in a geometry that says so.
fn parts<T>(
    bytes: &mut Vec<u8>,
    parts: &[T],
    kinds: (u32, u32),
    write: impl Fn(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    if parts.len() != 1 {
        head(bytes, kinds.1);
        count(bytes, parts.len())?;
    }
    parts.iter().try_for_each(|part| {
        head(bytes, kinds.0);
        write(bytes, part)
    })
}

fn simple(bytes: &mut Vec<u8>, footprint: &Footprint) -> Result<()> {
    let polygons = |bytes: &mut Vec<u8>, polygons: &[Polygon]| {
        parts(bytes, polygons, (POLYGON, MULTI_POLYGON), |bytes, polygon| {
            count(bytes, 1 + polygon.holes.len())?;
            std::iter::once(&polygon.exterior).chain(&polygon.holes).try_for_each(|ring| places(bytes, ring))
        })
    };
    match footprint {
        Footprint::Lines(lines) => parts(bytes, lines, (LINE, MULTI_LINE), |bytes, line| places(bytes, line)),
        Footprint::Points(points) => parts(bytes, points, (POINT, MULTI_POINT), |bytes, point| {
            place(bytes, *point);
            Ok(())
        }),
        Footprint::Box { west, south, east, north } => {
            polygons(bytes, &[polygon_of_box(*west, *south, *east, *north)])
        }
        other => match close(other) {
            Footprint::Polygons(all) => polygons(bytes, &all),
            _ => polygons(bytes, &[]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RING: [LonLat; 4] = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 0.0]];

    /// A geometry in the dialect of choice, of places with three numbers when `z`.
    fn bytes(little: bool, code: u32, counts: &[u32], places: &[LonLat], z: bool) -> Vec<u8> {
        let mut bytes = vec![u8::from(little)];
        for number in std::iter::once(&code).chain(counts) {
            bytes.extend(if little { number.to_le_bytes() } else { number.to_be_bytes() });
        }
        for place in places {
            for number in [place[0], place[1], 7.0].into_iter().take(if z { 3 } else { 2 }) {
                bytes.extend(if little { number.to_le_bytes() } else { number.to_be_bytes() });
            }
        }
        bytes
    }

    #[test]
    fn every_dialect_is_read() {
        let wanted = Footprint::Polygons(vec![Polygon { exterior: RING.to_vec(), holes: Vec::new() }]);
        for little in [false, true] {
            for (code, z) in
                [(3, false), (1003, true), (2003, true), (0x8000_0003, true), (0x4000_0003, true)]
            {
                assert_eq!(read(&bytes(little, code, &[1, 4], &RING, z)).unwrap(), wanted, "{little} {code}");
            }
            let with_srid = bytes(little, 0x2000_0003, &[4326, 1, 4], &RING, false);
            assert_eq!(read(&with_srid).unwrap(), wanted);
        }
        let empty = bytes(true, 1, &[], &[[f64::NAN, f64::NAN]], false);
        assert_eq!(read(&empty).unwrap(), Footprint::Points(Vec::new()));
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let fails = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(
            fails(&bytes(true, 3, &[u32::MAX], &[], false)),
            "its geometry has 0 bytes for 4294967295 items"
        );
        assert!(fails(&bytes(true, 3, &[1, u32::MAX], &RING, false)).contains("for 4294967295 items"));
        assert_eq!(fails(&bytes(true, 8, &[0], &[], false)), "its geometry is of type 8, which is not read");
        assert_eq!(
            fails(&bytes(true, 1, &[], &[[0.0, 91.0]], false)),
            "its footprint has a place at longitude 0, latitude 91"
        );
        assert_eq!(fails(&[2, 0, 0]), "its geometry has no byte order 2");
        assert_eq!(fails(&[]), "its geometry ends too early");
        let mut nested = Vec::new();
        for _ in 0..100 {
            nested.extend(bytes(true, 7, &[1], &[], false));
        }
        assert_eq!(fails(&nested), "its geometry is of type 7, which is not read");
        let mut behind = bytes(true, 1, &[], &[[0.0, 1.0]], false);
        behind.push(0);
        assert_eq!(fails(&behind), "there are bytes behind its geometry");
        let other = [bytes(true, 6, &[1], &[], false), bytes(true, 2, &[0], &[], false)].concat();
        assert_eq!(fails(&other), "its geometry has a part of type 2, not 3");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), kind in 0..9u8) {
            if bytes.len() > 5 {
                bytes[..5].copy_from_slice(&[1, kind, 0, 0, 0]);
            }
            let _ = read(&bytes);
        }
    }
}
