//! The granules of the demo.

use super::{Direction, GranuleSpec};

/// Degrees of the middle of the region, on the way from the south pole to the highest dome.
const LATITUDE: f64 = -85.6;
const LONGITUDE: f64 = 60.0;
/// Degrees of longitude between neighbouring tracks: about 16 km.
const SPACING: f64 = 1.9;
/// File names; the first half of the tracks goes south, the second north.
const NAMES: [&str; 12] = [
    "ATL06_20240103031520_02612211_006_01.h5",
    "ATL06_20240107030701_03222211_006_01.h5",
    "ATL06_20240111025842_03832211_006_01.h5",
    "ATL06_20240115025023_04442211_006_01.h5",
    "ATL06_20240119024204_05052211_006_01.h5",
    "ATL06_20240123023345_05662211_006_01.h5",
    "ATL06_20240105142210_02992211_006_01.h5",
    "ATL06_20240109141351_03602211_006_01.h5",
    "ATL06_20240113140532_04212211_006_01.h5",
    "ATL06_20240117135713_04822211_006_01.h5",
    "ATL06_20240121134854_05432211_006_01.h5",
    "ATL06_20240125134035_06042211_006_01.h5",
];

/// The twelve granules of the demo: tracks that cross each other in a region of about 200 km in East
/// Antarctica, some 680,000 rows in all.
pub fn demo_granules() -> Vec<GranuleSpec> {
    let half = NAMES.len() / 2;
    NAMES
        .iter()
        .enumerate()
        .filter_map(|(index, name)| {
            let direction = if index < half { Direction::Descending } else { Direction::Ascending };
            let place = (index % half) as f64 - (half - 1) as f64 / 2.0;
            let spec = GranuleSpec { seed: 20_240_101 + index as u64, ..GranuleSpec::new(*name) };
            // Every position of the region is reached; a test counts the granules.
            spec.through(LATITUDE, LONGITUDE + place * SPACING, direction).ok()
        })
        .collect()
}
