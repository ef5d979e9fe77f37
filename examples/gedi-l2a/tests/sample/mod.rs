//! A made-up granule with two beams, one of each power, without the flags as subsets of the product often are.

use zagg_hdf5_write::{Dataset, Group, Values, write_file};

/// Footprints of each beam.
pub const ROWS: u32 = 1000;

/// Longitude, latitude and elevation of a footprint: 60 m from one to the next, along the Amazon.
pub fn row(beam: usize, row: u32) -> (f64, f64, f32) {
    let along = f64::from(row) * 6e-4;
    (-60.0 + along, -3.0 + 0.006 * beam as f64 + 0.8 * along, 50.0 + 0.01 * row as f32)
}

/// The bytes of the HDF5 file.
pub fn granule() -> Vec<u8> {
    let mut root = Group::new();
    for (at, beam) in ["BEAM0001", "BEAM0101"].into_iter().enumerate() {
        let rows: Vec<_> = (0..ROWS).map(|number| row(at, number)).collect();
        let f64s = |values: Vec<f64>| Dataset::new(Values::F64(values));
        let elevation = Dataset::new(Values::F32(rows.iter().map(|row| row.2).collect())).text("units", "m");
        let group = Group::new()
            .dataset("lon_lowestmode", f64s(rows.iter().map(|row| row.0).collect()))
            .dataset("lat_lowestmode", f64s(rows.iter().map(|row| row.1).collect()))
            .dataset("elev_lowestmode", elevation);
        root = root.group(beam, group);
    }
    write_file(&root).expect("the sample is a sound file")
}
