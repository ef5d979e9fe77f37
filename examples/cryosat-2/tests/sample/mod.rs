//! A made-up granule: the datasets of the real ones that the pipeline reads.

use zagg_hdf5_write::{Dataset, Group, Values, write_file};

/// Echoes.
pub const ROWS: u32 = 2000;

/// Bit 26 of the status: the orbit is in error.
const ORBIT_ERROR: i32 = 1 << 26;

/// Longitude, latitude, height and status of an echo: going south over East Antarctica, every tenth one bad.
pub fn row(row: u32) -> (f64, f64, f32, i32) {
    let along = f64::from(row) * 1e-3;
    let status = if row % 10 == 9 { ORBIT_ERROR } else { 0 };
    (120.0 - 0.2 * along, -72.0 - along, 2000.0 + 0.1 * row as f32, status)
}

/// The bytes of the HDF5 file.
pub fn granule() -> Vec<u8> {
    let rows: Vec<_> = (0..ROWS).map(row).collect();
    let heights = || Dataset::new(Values::F32(rows.iter().map(|row| row.2).collect())).text("units", "m");
    let small = || Dataset::new(Values::F32(vec![0.25; rows.len()])).text("units", "m");
    let root = Group::new()
        .dataset("lat_poca_20_ku", Dataset::new(Values::F64(rows.iter().map(|row| row.1).collect())))
        .dataset("lon_poca_20_ku", Dataset::new(Values::F64(rows.iter().map(|row| row.0).collect())))
        .dataset("height_1_20_ku", heights())
        .dataset("radar_freeboard_20_ku", small())
        .dataset("ssha_interp_20_ku", small())
        .dataset("flag_prod_status_20_ku", Dataset::new(Values::I32(rows.iter().map(|row| row.3).collect())));
    write_file(&root).expect("the sample is a sound file")
}
