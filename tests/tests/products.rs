//! Every real file of the test data through a whole run, by YAML alone, against what h5py and numpy make of it.

use std::sync::Arc;

use zagg_access::Access;
use zagg_core::store::StoreState;

use crate::support::{Job, close, pipeline, table, test_data};

/// What `goldens/products.py` has reckoned.
const EXPECTED: &str = include_str!("../goldens/products.tsv");

/// Whole-sphere cells, so that sums over the store are sums over the file.
const COMMON: &str = "
data_source: {reader: hdf5-points, driver: file}
aggregation:
  variables:
    kept: {function: len, dtype: int32, fill_value: 0}
    count: {function: count, source: value, dtype: int32, fill_value: 0}
    sum: {function: sum, source: value, dtype: float64}
    min: {function: min, source: value, dtype: float64}
    max: {function: max, source: value, dtype: float64}
output: {grid: {type: healpix, parent_order: 0, child_order: 3}}
";

const SECOND: &str =
    "aggregation: {variables: {second_sum: {function: sum, source: second, dtype: float64}}}";

const TIME: &str = "aggregation: {variables: {time_min: {function: min, source: time, dtype: float64}, \
                    time_max: {function: max, source: time, dtype: float64}}}";

/// The pipelines, by the beginning of the file's path.
const PIPELINES: [(&str, &str, &[&str]); 8] = [
    (
        "atl06/",
        "
data_source:
  groups: 'gt??'
  coordinates: {latitude: '/{group}/land_ice_segments/latitude', longitude: '/{group}/land_ice_segments/longitude'}
  variables: {value: '/{group}/land_ice_segments/h_li'}
  quality_filter: {dataset: '/{group}/land_ice_segments/atl06_quality_summary', value: 0}
  time: {dataset: '/{group}/land_ice_segments/delta_time', epoch: {dataset: /ancillary_data/atlas_sdp_gps_epoch}}
",
        &[TIME],
    ),
    (
        "atl03/",
        "
data_source:
  groups: gt*
  base_level: photons
  levels:
    photons: {path: '/{group}/heights', coordinates: {latitude: lat_ph, longitude: lon_ph}}
    segments:
      path: '/{group}/geolocation'
      coordinates: {latitude: reference_photon_lat, longitude: reference_photon_lon}
      variables: {second: '/{group}/geophys_corr/dem_h'}
      link: {to: photons, index_beg: ph_index_beg, count: segment_ph_cnt, index_base: 1}
  read_plan: {spatial_index: segments}
  variables: {value: '/{group}/heights/h_ph'}
  filters: [{dataset: '/{group}/heights/signal_conf_ph', column: 0, op: ne, value: -2}]
  time: {dataset: '/{group}/heights/delta_time', epoch: '2018-01-01T00:00:00Z', scale: gps}
",
        &[SECOND, TIME],
    ),
    (
        "atl08/processed",
        "
data_source:
  groups: gt*
  coordinates: {latitude: '/{group}/land_segments/latitude', longitude: '/{group}/land_segments/longitude'}
  variables:
    value: '/{group}/land_segments/terrain/h_te_best_fit'
    second: {path: '/{group}/land_segments/canopy/canopy_h_metrics', column: 17}
  time: {dataset: '/{group}/land_segments/delta_time', epoch: {dataset: /ancillary_data/atlas_sdp_gps_epoch}}
",
        &[SECOND, TIME],
    ),
    (
        "atl08/test",
        "
data_source:
  groups: gt*
  coordinates: {latitude: '/{group}/land_segments/latitude', longitude: '/{group}/land_segments/longitude'}
  variables: {value: '/{group}/land_segments/terrain/h_te_best_fit'}
  time: {dataset: '/{group}/land_segments/delta_time', epoch: '2018-01-01'}
",
        &[TIME],
    ),
    (
        "gedi/GEDI02_A",
        "
data_source:
  groups: BEAM*
  coordinates: {latitude: '/{group}/lat_lowestmode', longitude: '/{group}/lon_lowestmode'}
  variables: {value: {path: '/{group}/rh', column: 98}, second: {path: '/{group}/rh', column: 50}}
  time: {dataset: '/{group}/delta_time', epoch: '2018-01-01', scale: gps}
",
        &[SECOND, TIME],
    ),
    (
        "gedi/GEDI04_A",
        "
data_source:
  groups: [BEAM000?, 'BEAM????']
  coordinates: {latitude: '{group}/lat_lowestmode', longitude: '{group}/lon_lowestmode'}
  variables: {value: '{group}/agbd'}
  time: {dataset: '{group}/delta_time', epoch: '2018-01-01 00:00:00Z', scale: gps}
",
        &[TIME],
    ),
    (
        "gedi/GEDI01_B",
        "
data_source:
  groups: BEAM*
  coordinates: {latitude: '/{group}/geolocation/latitude_bin0', longitude: '/{group}/geolocation/longitude_bin0', level: shots}
  variables: {value: '/{group}/rxwaveform'}
  base_level: samples
  levels:
    samples: {path: '/{group}', link: null}
    shots:
      path: '/{group}'
      variables: {second: noise_mean_corrected}
      link: {to: samples, index_beg: rx_sample_start_index, count: rx_sample_count, index_base: 1}
  filters: [{dataset: '/{group}/geolocation/degrade', level: shots, op: eq, value: 0}]
",
        &[SECOND],
    ),
    (
        "other/",
        "
data_source:
  coordinates: {latitude: lat_poca_20_ku, longitude: lon_poca_20_ku}
  variables: {value: height_1_20_ku, second: sig0_1_20_ku}
  time: {dataset: time_20_ku, epoch: '2000-01-01 00:00:00 TAI', scale: tai}
",
        &[SECOND, TIME],
    ),
];

const MLS: &str = "
data_source:
  groups: [CO]
  coordinates:
    latitude: '/HDFEOS/SWATHS/{group}/Geolocation Fields/Latitude'
    longitude: '/HDFEOS/SWATHS/{group}/Geolocation Fields/Longitude'
  variables:
    value: {path: '/HDFEOS/SWATHS/{group}/Data Fields/L2gpValue', column: 10}
    second: {path: '/HDFEOS/SWATHS/{group}/Data Fields/L2gpValue', column: 20}
  time: {dataset: '/HDFEOS/SWATHS/{group}/Geolocation Fields/Time', epoch: '1993-01-01', scale: tai}
";

fn texts(name: &str) -> Vec<&'static str> {
    if name.starts_with("other/MLS") {
        return vec![COMMON, MLS, SECOND, TIME];
    }
    let (_, source, more) = PIPELINES.iter().find(|(start, ..)| name.starts_with(start)).unwrap();
    let mut texts = vec![COMMON, *source];
    texts.extend_from_slice(more);
    texts
}

#[test]
fn every_real_file_gives_what_numpy_makes_of_it() {
    let Some(data) = test_data() else { return };
    let mut lines = EXPECTED.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').skip(1).collect();
    let mut files = 0;
    for line in lines {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap();
        let id = data.join(name).to_str().unwrap().to_string();
        let job = Job::new(pipeline(&texts(name)), &[id], Arc::new(Access::default()));
        let (summary, store) = job.run_in_memory();
        assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{name}: {summary:?}");
        let got = table(&store);
        for (column, want) in names.iter().zip(cells) {
            let Ok(want) = want.parse::<f64>() else { continue };
            let values: Vec<f64> = match got.names.iter().any(|name| name == column) {
                true => got.values(column).into_values().filter(|value| !value.is_nan()).collect(),
                false => panic!("{name}: no {column}"),
            };
            let value = match *column {
                "min" | "time_min" => values.iter().copied().reduce(f64::min).unwrap_or(f64::NAN),
                "max" | "time_max" => values.iter().copied().reduce(f64::max).unwrap_or(f64::NAN),
                _ => values.iter().sum(),
            };
            // Sums of float64 in another order; times are sums of the same two numbers.
            let relative = if column.ends_with("sum") { 1e-10 } else { 1e-15 };
            assert!(close(value, want, relative, 0.0), "{name}: {column} is {value}, not {want}");
        }
        files += 1;
    }
    assert_eq!(files, 23);
}

#[test]
fn a_time_range_keeps_the_rows_within() {
    let Some(data) = test_data() else { return };
    let name = "gedi/GEDI04_A_2019117051430_O02102_01_T04603_02_002_02_V002.h5";
    let id = data.join(name).to_str().unwrap().to_string();
    let kept = |range: &str| {
        let range = format!("data_source: {{time_range: {range}}}");
        let mut texts = texts(name);
        texts.push(&range);
        let job = Job::new(pipeline(&texts), std::slice::from_ref(&id), Arc::new(Access::default()));
        let (summary, store) = job.run_in_memory();
        (summary.rows_kept, table(&store))
    };
    let (all, times) = kept("[null, null]");
    let ends = |name: &str, pick: fn(f64, f64) -> f64| times.values(name).into_values().reduce(pick).unwrap();
    let (first, last) = (ends("time_min", f64::min), ends("time_max", f64::max));
    assert_eq!(all, 8000);
    assert_eq!(kept("['2019-04-27', '2019-04-28T00:00:00Z']").0, all);
    assert_eq!(kept("['2019-04-28', null]").0, 0);
    let middle = "2019-04-27T05:21:15Z";
    let at = zagg_core::time::parse_date(middle).unwrap();
    assert!(first < at && at < last, "{first} {last}");
    let (before, after) = (kept(&format!("[null, '{middle}']")), kept(&format!("['{middle}', null]")));
    assert_eq!(before.0 + after.0, all);
    assert!(before.0 > 0 && after.0 > 0);
    assert!(before.1.values("time_max").into_values().all(|time| time.is_nan() || time < at));
    assert!(after.1.values("time_min").into_values().all(|time| time.is_nan() || time >= at));
}
