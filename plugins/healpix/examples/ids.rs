//! Writes the cell of every position, so that another program can check the ids.
//!
//! `ids ORDER ELLIPSOID POINTS IDS`: POINTS holds little-endian doubles, longitude and latitude in degrees by turns; IDS
//! gets one little-endian 64-bit id for each pair.

use std::error::Error;

use serde_json::json;
use zagg_healpix::make;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [order, ellipsoid, points, ids] = arguments.as_slice() else {
        return Err("usage: ids ORDER ELLIPSOID POINTS IDS".into());
    };
    let order: u8 = order.parse()?;
    let options = json!({"parent_order": order, "child_order": order, "ellipsoid": ellipsoid});
    let grid = make(options.as_object().ok_or("the options are no object")?)?;
    let bytes = std::fs::read(points)?;
    let (pairs, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err("the file of points ends within a pair".into());
    }
    let number = |bytes: &[u8]| bytes.try_into().map(f64::from_le_bytes);
    let mut lon = Vec::with_capacity(pairs.len());
    let mut lat = Vec::with_capacity(pairs.len());
    for pair in pairs {
        lon.push(number(&pair[..8])?);
        lat.push(number(&pair[8..])?);
    }
    let mut cells = vec![0; lon.len()];
    grid.locate(&lon, &lat, &mut cells);
    std::fs::write(ids, cells.iter().flat_map(|cell| cell.to_le_bytes()).collect::<Vec<u8>>())?;
    Ok(())
}
