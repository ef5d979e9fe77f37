//! What a picture shows: a rectangle of a plane, cut into square pixels.

use zagg_core::{Error, Result};

use zagg_crs::Crs;

/// Most pixels along a side.
pub const MAX_SIDE: u32 = 32_768;

/// Most pixels of a picture: bounds the memory that it takes.
pub const MAX_PIXELS: u64 = 1 << 27;

/// Places along each side of an area of which those in the plane are taken for its outline.
const SAMPLES: usize = 129;

/// A rectangle of a plane: left, bottom, right, top in its units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Left edge.
    pub left: f64,
    /// Lower edge.
    pub bottom: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
}

impl Extent {
    /// The rectangle around all places that are numbers; none without any.
    pub(crate) fn around(places: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        places.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).fold(None, |all, (x, y)| {
            let (left, bottom, right, top) =
                all.map_or((x, y, x, y), |e: Self| (e.left, e.bottom, e.right, e.top));
            Some(Self { left: left.min(x), bottom: bottom.min(y), right: right.max(x), top: top.max(y) })
        })
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.top - self.bottom
    }

    /// The same with room on all sides.
    pub(crate) fn grown(self, by: f64) -> Self {
        Self { left: self.left - by, bottom: self.bottom - by, right: self.right + by, top: self.top + by }
    }
}

/// Which part of the globe a picture shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Area {
    /// West, south, east, north in degrees; west greater than east crosses the antimeridian.
    Degrees([f64; 4]),
    /// In the units of the plane.
    Plane(Extent),
}

impl Area {
    /// The rectangle of the plane.
    ///
    /// # Errors
    /// When the area is empty or not of this globe, or has no place in the plane.
    pub(crate) fn extent(&self, crs: &Crs) -> Result<Extent> {
        let [west, south, east, north] = match *self {
            Self::Plane(extent) => return Ok(extent),
            Self::Degrees(bounds) => bounds,
        };
        let sound = [west, east].iter().all(|lon| lon.abs() <= 360.0)
            && [south, north].iter().all(|lat| lat.abs() <= 90.0)
            && south < north
            && west != east;
        if !sound {
            return Err(Error::input(format!(
                "bounds {west},{south},{east},{north}: they are west, south, east, north in degrees, south below north"
            )));
        }
        let east = if east < west { east + 360.0 } else { east };
        if crs.is_geographic() {
            return Ok(Extent { left: west, bottom: south, right: east, top: north });
        }
        let step = |low: f64, high: f64, at: usize| low + (high - low) * at as f64 / (SAMPLES - 1) as f64;
        let (mut lon, mut lat) = (Vec::new(), Vec::new());
        for row in 0..SAMPLES {
            for column in 0..SAMPLES {
                lon.push(step(west, east, column));
                lat.push(step(south, north, row));
            }
        }
        let (mut x, mut y) = (vec![0.0; lon.len()], vec![0.0; lon.len()]);
        crs.forward(&lon, &lat, &mut x, &mut y);
        Extent::around(x.into_iter().zip(y)).ok_or_else(|| {
            Error::input(format!(
                "bounds {west},{south},{east},{north}: nothing of them lies in {}",
                crs.name()
            ))
        })
    }
}

/// A rectangle of a plane in square pixels.
#[derive(Debug, Clone)]
pub struct View {
    /// The plane.
    pub crs: Crs,
    /// Left edge of the first column.
    pub left: f64,
    /// Upper edge of the first row.
    pub top: f64,
    /// Side of a pixel in units of the plane.
    pub pixel: f64,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl View {
    /// The extent with `size` pixels along its longer side; the shorter one is rounded up to whole pixels, half the excess on
    /// either side.
    ///
    /// # Errors
    /// When the extent is empty or no extent at all, or has too many pixels.
    pub fn new(crs: Crs, extent: Extent, size: u32) -> Result<Self> {
        let (width, height) = (extent.width(), extent.height());
        if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
            return Err(Error::input(format!(
                "the extent {},{},{},{} is none: it is left, bottom, right, top, left before right and bottom below top",
                extent.left, extent.bottom, extent.right, extent.top
            )));
        }
        if !(1..=MAX_SIDE).contains(&size) {
            return Err(Error::input(format!(
                "size {size}: a picture has 1 to {MAX_SIDE} pixels along its longer side"
            )));
        }
        let pixel = width.max(height) / f64::from(size);
        // An exact multiple must not be rounded up by the last bit of a division.
        let pixels = |length: f64| ((length / pixel - 1e-6).ceil().max(1.0) as u32).min(size);
        let (columns, rows) = (pixels(width), pixels(height));
        if u64::from(columns) * u64::from(rows) > MAX_PIXELS {
            return Err(Error::input(format!(
                "size {size}: {columns} by {rows} pixels are more than {MAX_PIXELS}; give a smaller --size"
            )));
        }
        // What rounding leaves over does not move the edges.
        let excess = |length: f64| if length > 1e-6 * pixel { length / 2.0 } else { 0.0 };
        Ok(Self {
            left: extent.left - excess(f64::from(columns) * pixel - width),
            top: extent.top + excess(f64::from(rows) * pixel - height),
            crs,
            pixel,
            width: columns,
            height: rows,
        })
    }

    /// The rectangle.
    pub fn extent(&self) -> Extent {
        Extent {
            left: self.left,
            top: self.top,
            right: self.left + f64::from(self.width) * self.pixel,
            bottom: self.top - f64::from(self.height) * self.pixel,
        }
    }

    /// Where a place of the plane is, in pixels from the upper left corner.
    pub(crate) fn pixels(&self, x: f64, y: f64) -> (f64, f64) {
        ((x - self.left) / self.pixel, (self.top - y) / self.pixel)
    }

    /// The place of a point given in pixels from the upper left corner.
    pub(crate) fn place(&self, right: f64, down: f64) -> (f64, f64) {
        (self.left + right * self.pixel, self.top - down * self.pixel)
    }

    /// Positions of the centres of a row of pixels, degrees; NaN beside the globe.
    pub(crate) fn row(&self, row: u32) -> (Vec<f64>, Vec<f64>) {
        let n = self.width as usize;
        let x: Vec<f64> = (0..self.width).map(|column| self.place(f64::from(column) + 0.5, 0.0).0).collect();
        let y = vec![self.place(0.0, f64::from(row) + 0.5).1; n];
        let (mut lon, mut lat) = (vec![0.0; n], vec![0.0; n]);
        self.crs.inverse_on_globe(&x, &y, &mut lon, &mut lat);
        (lon, lat)
    }

    /// Kilometres on the ground of a pixel in the middle; none where the middle is beside the globe.
    pub(crate) fn ground(&self) -> Option<f64> {
        let (x, y) = (f64::from(self.width) / 2.0, f64::from(self.height) / 2.0);
        let at = |x: f64, y: f64| {
            let (x, y) = self.place(x, y);
            self.crs.position(x, y)
        };
        let d = distance(at(x - 0.5, y), at(x + 0.5, y));
        d.is_finite().then_some(d)
    }
}

/// Kilometres between two positions in degrees, on a sphere.
pub(crate) fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (a, b) = ((to.1 - from.1).to_radians() / 2.0, (to.0 - from.0).to_radians() / 2.0);
    let h = a.sin().powi(2) + from.1.to_radians().cos() * to.1.to_radians().cos() * b.sin().powi(2);
    2.0 * 6371.0072 * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_square_and_cover_the_extent() {
        let crs = Crs::lon_lat().unwrap();
        let extent = Extent { left: -10.0, bottom: 0.0, right: 20.0, top: 7.0 };
        let view = View::new(crs.clone(), extent, 300).unwrap();
        assert_eq!((view.width, view.height, view.pixel), (300, 70, 0.1));
        let view = View::new(crs.clone(), extent, 7).unwrap();
        assert_eq!((view.width, view.height), (7, 2));
        let shown = view.extent();
        assert!(shown.left <= -10.0 && shown.bottom <= 0.0 && shown.right >= 20.0 - 1e-9 && shown.top >= 7.0);
        assert_eq!(view.pixels(view.left, view.top), (0.0, 0.0));
        for size in [0, MAX_SIDE + 1] {
            assert!(View::new(crs.clone(), extent, size).is_err());
        }
        for right in [-10.0, -11.0, f64::NAN, f64::INFINITY] {
            assert!(View::new(crs.clone(), Extent { right, ..extent }, 10).is_err());
        }
    }

    #[test]
    fn bounds_in_degrees_find_their_rectangle() {
        let polar = Crs::parse("EPSG:3031").unwrap();
        let all = Area::Degrees([-180.0, -90.0, 180.0, -60.0]).extent(&polar).unwrap();
        assert!((all.right - 3_333_134.0).abs() < 1000.0 && (all.left + all.right).abs() < 1.0, "{all:?}");
        let plane = Crs::lon_lat().unwrap();
        let crossing = Area::Degrees([170.0, -20.0, -170.0, 20.0]).extent(&plane).unwrap();
        assert_eq!((crossing.left, crossing.right), (170.0, 190.0));
        for bounds in
            [[0.0, 10.0, 1.0, 5.0], [0.0, -91.0, 1.0, 5.0], [f64::NAN, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]
        {
            assert!(Area::Degrees(bounds).extent(&plane).is_err(), "{bounds:?}");
        }
    }

    #[test]
    fn distances_are_those_on_the_ground() {
        assert!((distance((0.0, 0.0), (1.0, 0.0)) - 111.195).abs() < 0.01);
        let view = View::new(
            Crs::parse("EPSG:3031").unwrap(),
            Extent { left: -1e5, bottom: -1e5, right: 1e5, top: 1e5 },
            200,
        )
        .unwrap();
        // At the pole the plane is 2.8 % smaller than the ground.
        assert!((view.ground().unwrap() - 1.028).abs() < 0.005, "{:?}", view.ground());
    }
}
