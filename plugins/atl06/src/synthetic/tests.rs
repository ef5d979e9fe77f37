//! The granules read back with hdf5-reader, which shares no code with the writer.

use hdf5_reader::Hdf5File;
use zagg_core::error::ErrorKind;

use super::*;

const NAME: &str = "ATL06_20240305010203_13872311_006_02.h5";

fn small() -> GranuleSpec {
    GranuleSpec { segments_per_beam: 300, ..GranuleSpec::new(NAME) }
}

fn open(spec: &GranuleSpec) -> Hdf5File {
    Hdf5File::from_vec(write_granule(spec).unwrap()).unwrap()
}

macro_rules! column {
    ($file:expr, $beam:expr, $name:expr, $type:ty) => {
        $file
            .dataset(&format!("{}/land_ice_segments/{}", $beam, $name))
            .unwrap()
            .read_array::<$type>()
            .unwrap()
            .into_raw_vec_and_offset()
            .0
    };
}

#[test]
fn every_column_comes_back_over_several_chunks() {
    let spec = GranuleSpec { segments_per_beam: 12_000, seed: 7, ..GranuleSpec::new(NAME) };
    let file = open(&spec);
    for beam in BEAMS {
        let rows = beam_rows(&spec, beam).unwrap();
        assert!(rows.len() > 10_000, "two chunks");
        assert_eq!(column!(file, beam, "atl06_quality_summary", i8), rows.atl06_quality_summary);
        assert_eq!(column!(file, beam, "delta_time", f64), rows.delta_time);
        assert_eq!(column!(file, beam, "h_li", f32), rows.h_li);
        assert_eq!(column!(file, beam, "h_li_sigma", f32), rows.h_li_sigma);
        assert_eq!(column!(file, beam, "latitude", f64), rows.latitude);
        assert_eq!(column!(file, beam, "longitude", f64), rows.longitude);
        assert_eq!(column!(file, beam, "segment_id", i32), rows.segment_id);
        assert_eq!(column!(file, beam, "sigma_geo_h", f32), rows.sigma_geo_h);
    }
    let epoch = file.dataset("ancillary_data/atlas_sdp_gps_epoch").unwrap().read_array::<f64>().unwrap();
    assert_eq!(epoch.as_slice(), Some(&[1_198_800_018.0][..]));
    let rgt = file.dataset("orbit_info/rgt").unwrap().read_array::<i16>().unwrap();
    assert_eq!(rgt.as_slice(), Some(&[1387][..]));
    let h_li = file.dataset("gt2l/land_ice_segments/h_li").unwrap();
    assert_eq!(h_li.chunks(), Some(vec![10_000]));
    assert_eq!(h_li.attribute("units").unwrap().read_string().unwrap(), "meters");
    assert_eq!(h_li.attribute("_FillValue").unwrap().read_scalar::<f32>().unwrap(), FILL);
    assert_eq!(h_li.fill_value().unwrap().value.as_deref(), Some(&FILL.to_le_bytes()[..]));
}

#[test]
fn shares_and_rules_are_those_of_the_real_product() {
    let (mut segments, mut rows, mut flagged, mut filled) = (0, 0, 0, 0);
    for spec in demo_granules() {
        for beam in BEAMS {
            let beam = beam_rows(&spec, beam).unwrap();
            segments += spec.segments_per_beam;
            rows += beam.len();
            flagged += beam.atl06_quality_summary.iter().filter(|flag| **flag == 1).count();
            for (height, flag) in beam.h_li.iter().zip(&beam.atl06_quality_summary) {
                filled += usize::from(*height == FILL);
                assert!(*height != FILL || *flag == 1, "filled rows are flagged");
            }
            assert!(beam.delta_time.is_sorted_by(|a, b| a < b));
            assert!(beam.segment_id.is_sorted_by(|a, b| a < b));
            assert!(beam.latitude.iter().all(|value| (-88.1..-84.0).contains(value)));
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    assert!((0.04..0.06).contains(&(1.0 - share(rows, segments))), "{rows} of {segments}");
    assert!((0.10..0.14).contains(&share(flagged, rows)), "{flagged} of {rows}");
    assert!((0.015..0.025).contains(&share(filled, rows)), "{filled} of {rows}");
}

#[test]
fn good_heights_lie_on_the_surface() {
    let rows = beam_rows(&small(), "gt3r").unwrap();
    for row in 0..rows.len() {
        let surface = surface_height(rows.latitude[row], rows.longitude[row]);
        assert!(rows.atl06_quality_summary[row] == 1 || (f64::from(rows.h_li[row]) - surface).abs() < 1.0);
    }
}

#[test]
fn the_demo_is_twelve_different_granules_of_valid_names() {
    let specs = demo_granules();
    assert_eq!(specs.len(), 12);
    let names: std::collections::BTreeSet<_> = specs.iter().map(|spec| &spec.name).collect();
    assert_eq!(names.len(), 12);
    let bytes = write_granule(&specs[0]).unwrap();
    assert!(bytes.len() < 2_500_000, "{} bytes: the demo stays below 30 MB", bytes.len());
}

#[test]
fn the_same_spec_gives_the_same_bytes_and_another_seed_gives_others() {
    let bytes = write_granule(&small()).unwrap();
    assert_eq!(bytes, write_granule(&small()).unwrap());
    assert_ne!(bytes, write_granule(&GranuleSpec { seed: 1, ..small() }).unwrap());
}

#[test]
fn numbers_are_those_of_every_other_machine() {
    // A fold of the bits of all rows, as first computed: it must never depend on the platform.
    let mut fold = 0_u64;
    for beam in BEAMS {
        let rows = beam_rows(&small(), beam).unwrap();
        for row in 0..rows.len() {
            let heights =
                u64::from(rows.h_li[row].to_bits()) << 32 | u64::from(rows.h_li_sigma[row].to_bits());
            let bits = [rows.latitude[row].to_bits(), rows.longitude[row].to_bits(), heights];
            fold = bits.iter().fold(fold, |fold, bits| fold.rotate_left(5).wrapping_mul(31) ^ bits);
        }
    }
    assert_eq!(fold, 18_045_983_177_839_308_782);
}

#[test]
fn parts_can_be_left_out() {
    let spec = GranuleSpec {
        beams: ["gt1l", "gt2l", "gt3l"].map(String::from).to_vec(),
        without: vec!["gt1l/land_ice_segments".into(), "gt2l/land_ice_segments/h_li".into()],
        ..small()
    };
    let file = open(&spec);
    assert!(file.group("gt1l").is_ok());
    assert!(file.group("gt1l/land_ice_segments").is_err());
    assert!(file.dataset("gt2l/land_ice_segments/h_li").is_err());
    assert!(file.dataset("gt2l/land_ice_segments/latitude").is_ok());
    assert!(file.dataset("gt3l/land_ice_segments/h_li").is_ok());
    assert!(file.group("gt1r").is_err());
}

#[test]
fn positions_can_be_spoilt() {
    let good = beam_rows(&small(), "gt1r").unwrap();
    let bad = beam_rows(&GranuleSpec { bad_positions: 9, ..small() }, "gt1r").unwrap();
    assert_eq!(good.h_li, bad.h_li);
    let usable = |latitude: &f64, longitude: &f64| latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    let count = bad.latitude.iter().zip(&bad.longitude).filter(|(lat, lon)| !usable(lat, lon)).count();
    assert_eq!(count, 9);
    let all = beam_rows(&GranuleSpec { bad_positions: usize::MAX, ..small() }, "gt1r").unwrap();
    assert!(all.latitude.iter().zip(&all.longitude).all(|(lat, lon)| !usable(lat, lon)));
}

#[test]
fn beams_may_have_no_rows() {
    let file = open(&GranuleSpec { segments_per_beam: 0, bad_positions: 3, ..small() });
    assert!(column!(file, "gt1l", "h_li", f32).is_empty());
}

#[test]
fn senseless_specs_are_refused() {
    let cases = [
        (GranuleSpec { name: "x.h5".into(), ..small() }, "no atl06 file name"),
        (GranuleSpec { node_longitude: f64::NAN, ..small() }, "finite angles"),
        (GranuleSpec { segment_spacing: 0.0, ..small() }, "positive spacing"),
        (GranuleSpec { beams: vec!["gt4l".into()], ..small() }, "no beam"),
        (GranuleSpec { without: vec!["gt1l/nothing".into()], ..small() }, "to leave out"),
    ];
    for (spec, part) in cases {
        let error = write_granule(&spec).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.message().contains(part), "{error} should say {part:?}");
    }
}
