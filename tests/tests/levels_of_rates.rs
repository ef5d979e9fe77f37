//! Photons under segments: rows that are looked for by the positions of a coarser level are those that their own positions
//! give, whatever the tracks, the grid and the links are like; only what is wanted is read.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use zagg_access::Access;
use zagg_core::report::{RunSummary, TaskStatus};
use zagg_core::store::StoreState;
use zagg_core::task::run_task;
use zagg_hdf5_write::{Chunking, Dataset, Group, Values, write_file};
use zagg_zarr::ZarrStore;

use crate::support::{Job, Memory, grid_of, pipeline, table, test_data};

/// Degrees of latitude of a metre.
const METRE: f64 = 1.0 / 111_200.0;

const SOURCE: &str = "
data_source:
  reader: hdf5-points
  driver: file
  groups: gt*
  coordinates: {latitude: '/{group}/heights/lat_ph', longitude: '/{group}/heights/lon_ph'}
  variables: {h: '/{group}/heights/h_ph'}
  base_level: photons
  levels:
    photons: {path: '/{group}/heights', link: null}
    segments:
      path: '/{group}/geolocation'
      coordinates: {latitude: reference_photon_lat, longitude: reference_photon_lon}
      variables: {dem: dem_h}
      link: {to: photons, index_beg: ph_index_beg, count: segment_ph_cnt, index_base: 1}
  filters: [{dataset: '/{group}/geolocation/quality', level: segments, op: eq, value: 0}]
aggregation:
  variables:
    count: {function: len, dtype: int32, fill_value: 0}
    h_sum: {function: sum, source: h, dtype: float64}
    dem_sum: {function: sum, source: dem, dtype: float64}
";

const PLAN: &str = "data_source: {read_plan: {spatial_index: segments, pad: 1}}";

/// Shards of 1.6 km.
const HEALPIX: &str = "output: {grid: {type: healpix, parent_order: 12, child_order: 15}}";

/// Shards of 2.8 km whose borders are meridians, one of them that of Greenwich.
const MERIDIANS: &str = "output: {grid: {type: rectilinear, crs: 'EPSG:4326', resolution: 0.0002, \
                         bounds: [-1.0240, -1.0240, 1.0240, 1.0240], chunk_shape: [128, 128]}}";

/// One beam: segments of 20 m along a line, with photons around the reference point of each.
#[derive(Debug, Clone)]
struct Beam {
    /// Position of the first segment.
    lon: f64,
    lat: f64,
    /// Direction in radians, from north to east.
    heading: f64,
    /// Photons of each segment.
    counts: Vec<i32>,
    /// How far photons lie beside the track, in metres.
    beside: f64,
    seed: u64,
    /// Photons at the end that no segment has.
    orphans: usize,
    /// Whether every segment begins one photon early, as in a clip by others.
    shifted: bool,
}

impl Beam {
    fn new(lon: f64, lat: f64, heading: f64, segments: usize) -> Self {
        let counts = (0..segments).map(|at| [3, 0, 5, 1, 0, 0, 4, 2][at % 8]).collect();
        Self { lon, lat, heading, counts, beside: 8.0, seed: 1, orphans: 0, shifted: false }
    }

    /// A number from -1 to 1 for everything.
    fn noise(&self, number: usize) -> f64 {
        let x = (number as u64).wrapping_add(self.seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A place so many metres along the track and beside it.
    fn place(&self, along: f64, beside: f64) -> (f64, f64) {
        let (sin, cos) = self.heading.sin_cos();
        let lat = self.lat + (along * cos - beside * sin) * METRE;
        let lon = self.lon + (along * sin + beside * cos) * METRE / self.lat.to_radians().cos();
        (lon, lat)
    }

    fn rows(&self) -> usize {
        self.counts.iter().sum::<i32>() as usize + self.orphans
    }

    fn quality(segment: usize) -> i32 {
        i32::from(segment % 7 == 3)
    }

    /// Rows that pass the filter of the segments, when each is with the segment it was made for.
    fn passing(&self) -> u64 {
        let good = self.counts.iter().enumerate().filter(|(at, _)| Self::quality(*at) == 0);
        good.map(|(_, count)| *count as u64).sum()
    }

    fn group(&self) -> Group {
        let (mut lon, mut lat, mut first, mut dem, mut quality) = (vec![], vec![], vec![], vec![], vec![]);
        let (mut lon_ph, mut lat_ph) = (Vec::new(), Vec::new());
        for (at, &count) in self.counts.iter().enumerate() {
            let along = 20.0 * at as f64;
            let place = self.place(along + 5.0 * self.noise(at), 3.0);
            lon.push(place.0);
            lat.push(place.1);
            let early = i32::from(self.shifted && !lon_ph.is_empty());
            first.push(if count == 0 { 0 } else { lon_ph.len() as i32 + 1 - early });
            dem.push(at as f64);
            quality.push(Self::quality(at));
            for _ in 0..count {
                let number = 3 * lon_ph.len() + 1000;
                let place =
                    self.place(along + 10.0 * self.noise(number), self.beside * self.noise(number + 1));
                lon_ph.push(place.0);
                lat_ph.push(place.1);
            }
        }
        for at in 0..self.orphans {
            let place = self.place(20.0 * (self.counts.len() + at) as f64, 0.0);
            lon_ph.push(place.0);
            lat_ph.push(place.1);
        }
        let chunking = Chunking { rows: 5_000, deflate: Some(6), shuffle: false };
        let f64s = |values: Vec<f64>| Dataset::new(Values::F64(values)).chunked(chunking);
        let i32s = |values: Vec<i32>| Dataset::new(Values::I32(values)).chunked(chunking);
        let h = (0..lon_ph.len()).map(|row| (row % 1000) as f64).collect();
        let heights = Group::new()
            .dataset("lat_ph", f64s(lat_ph))
            .dataset("lon_ph", f64s(lon_ph))
            .dataset("h_ph", f64s(h));
        let geolocation = Group::new()
            .dataset("reference_photon_lon", f64s(lon))
            .dataset("reference_photon_lat", f64s(lat))
            .dataset("ph_index_beg", i32s(first))
            .dataset("segment_ph_cnt", i32s(self.counts.clone()))
            .dataset("dem_h", f64s(dem))
            .dataset("quality", i32s(quality));
        Group::new().group("heights", heights).group("geolocation", geolocation)
    }
}

fn job(beams: &[Beam], grid: &str, more: &[&str]) -> Job {
    let root = beams
        .iter()
        .enumerate()
        .fold(Group::new(), |root, (at, beam)| root.group(format!("gt{at}"), beam.group()));
    let bytes = Bytes::from(write_file(&root).unwrap());
    let opener = Memory([("photons.h5".to_string(), bytes)].into());
    let mut texts = vec![SOURCE, grid];
    texts.extend_from_slice(more);
    Job::new(pipeline(&texts), &["photons.h5".to_string()], Arc::new(opener))
}

fn sound(summary: &RunSummary) {
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{summary:?}");
    assert_eq!(summary.strays, Default::default(), "{summary:?}");
}

/// Runs by the segments and by the photons' own positions; both must keep the same rows, and all of them.
fn same(beams: &[Beam], grid: &str, kept: Option<u64>) {
    let (by_segments, store) = job(beams, grid, &[PLAN]).run_in_memory();
    let (by_photons, exact) = job(beams, grid, &[]).run_in_memory();
    sound(&by_segments);
    sound(&by_photons);
    assert_eq!(by_segments.rows_kept, by_photons.rows_kept, "{beams:?}");
    assert_eq!(by_segments.rows_read, beams.iter().map(Beam::rows).sum::<usize>() as u64);
    assert_eq!(by_segments.cells, by_photons.cells);
    if let Some(kept) = kept {
        assert_eq!(by_segments.rows_kept, kept);
    }
    if grid == HEALPIX {
        assert_eq!(table(&store).cells, table(&exact).cells);
    }
}

#[test]
fn photons_on_both_sides_of_a_border_that_their_segments_do_not_cross() {
    // The reference points lie 3 m east of the border for ten kilometres, the photons up to 15 m on both sides.
    let beam = Beam { beside: 15.0, ..Beam::new(0.0, 0.1, 0.0, 500) };
    same(std::slice::from_ref(&beam), MERIDIANS, Some(beam.passing()));
    // At the smallest angle there is.
    let slanting = Beam { heading: 0.001, lon: -4.0 * METRE, ..beam.clone() };
    same(std::slice::from_ref(&slanting), MERIDIANS, Some(slanting.passing()));
    // Without reach they are lost: the shards on the western side have no segment.
    let short = "data_source: {read_plan: {spatial_index: segments, pad: 1, reach: 0}}";
    let (summary, _) = job(std::slice::from_ref(&beam), MERIDIANS, &[short]).run_in_memory();
    assert!(summary.rows_kept < beam.passing(), "{summary:?}");
}

#[test]
fn links_with_overlaps_and_orphans_keep_every_row_too() {
    let beam = Beam { orphans: 40, shifted: true, ..Beam::new(12.3, -72.0, 2.0, 300) };
    same(&[beam, Beam::new(12.31, -72.0, 2.0, 300)], HEALPIX, None);
}

#[test]
fn values_of_segments_are_those_of_their_photons() {
    let beam = Beam::new(-120.0, 68.0, 0.7, 400);
    let (summary, store) = job(std::slice::from_ref(&beam), HEALPIX, &[PLAN]).run_in_memory();
    sound(&summary);
    let got = table(&store);
    assert_eq!(got.total("count"), beam.passing() as f64);
    let (mut h, mut dem, mut row) = (0, 0, 0_i32);
    for (at, &count) in beam.counts.iter().enumerate() {
        for _ in 0..count {
            if Beam::quality(at) == 0 {
                h += row % 1000;
                dem += at;
            }
            row += 1;
        }
    }
    assert_eq!((got.total("h_sum"), got.total("dem_sum")), (f64::from(h), dem as f64));
}

#[test]
fn photons_far_from_their_segments_are_counted() {
    // Photons up to 600 m beside a track that runs 100 m east of a border; those on the other side are not found.
    let beam = Beam { beside: 600.0, ..Beam::new(100.0 * METRE, 0.1, 0.0, 300) };
    let near = "data_source: {read_plan: {spatial_index: segments, reach: 10}}";
    let mut job_near = job(std::slice::from_ref(&beam), MERIDIANS, &[near]);
    // The map of the photons' own positions.
    job_near.map = job(std::slice::from_ref(&beam), MERIDIANS, &[]).map;
    let (summary, _) = job_near.run_in_memory();
    let lost = summary.strays.rows_out_of_reach;
    assert!(lost > 0 && summary.strays.rows_unassigned == 0, "{summary:?}");
    assert_eq!(summary.rows_read + lost, beam.rows() as u64);
    assert!(summary.warnings.iter().any(|w| w.contains("give a larger reach")), "{:?}", summary.warnings);
    let far = "data_source: {read_plan: {spatial_index: segments, reach: 700}}";
    let (summary, _) = job(std::slice::from_ref(&beam), MERIDIANS, &[far]).run_in_memory();
    sound(&summary);
    assert_eq!(summary.rows_kept, beam.passing());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_under_coarser_rows_are_kept_once(
        lon in -180.0..180.0f64,
        lat in prop_oneof![-89.0..89.0f64, Just(-88.999), Just(88.9)],
        heading in 0.0..6.3f64,
        counts in prop::collection::vec(prop_oneof![2 => 0..6i32, 1 => Just(0)], 1..120),
        seed in 0..1_000_000u64,
        orphans in prop_oneof![3 => Just(0usize), 1 => 1..5usize],
    ) {
        let beam = Beam { counts, seed, orphans, ..Beam::new(lon, lat, heading, 0) };
        prop_assume!(beam.rows() > 0);
        let other = Beam { seed: seed + 1, orphans: 0, lat: beam.lat + 0.001, ..beam.clone() };
        same(&[beam, other], HEALPIX, None);
    }
}

/// Round trips and bytes of the tasks of a job, the first of which is cold.
fn traffic(job: &Job) -> Vec<(u64, u64, u64)> {
    let store = ZarrStore::memory();
    // Making the template reads attributes, so another run does it.
    job.assemble(Arc::new(store.reopen())).unwrap().prepare(false).unwrap();
    let run = job.assemble(Arc::new(store)).unwrap();
    let report = |task| {
        let report = run_task(&run, task);
        assert_eq!(report.status, TaskStatus::Done, "{report:?}");
        (report.traffic.round_trips, report.traffic.bytes, report.rows_kept)
    };
    run.tasks.iter().map(report).collect()
}

#[test]
fn a_cold_shard_reads_the_segments_and_only_its_photons() {
    // Fifty kilometres of two beams: some 300,000 photons, 20 MB as they are stored without compression.
    let mut beam = Beam::new(20.0, -75.0, 0.3, 2_500);
    beam.counts.iter_mut().for_each(|count| *count *= 30);
    let beams = [beam.clone(), Beam { lon: 20.2, seed: 5, ..beam.clone() }];
    let whole = job(&beams, HEALPIX, &[PLAN]);
    let grid = grid_of(&whole.pipeline);
    let first = whole.map.shards.len() / 2;
    let mut one = whole.clone();
    one.options.shards = vec![grid.shard_label(grid.shard_from_key(whole.map.shards[first].key).unwrap())];
    let [(trips, bytes, kept)] = traffic(&one)[..] else { panic!("one task") };
    let mut exact = job(&beams, HEALPIX, &[]);
    exact.options.shards = one.options.shards;
    exact.map = whole.map.clone();
    let [(_, all, exact_kept)] = traffic(&exact)[..] else { panic!("one task") };
    assert_eq!(kept, exact_kept);
    assert!(kept > 0);
    // Two chunks of 5,000 rows hold the shard's photons of a beam, with four columns of at most 40,000 bytes each, two more
    // of the segments among it, and four chunks of segments of a beam.
    let payload = 2 * (3 * 3 + 6) * 40_000;
    say!("a shard of made-up photons: {trips} round trips, {bytes} bytes; by own positions {all} bytes");
    assert!(trips <= 8, "{trips} round trips");
    assert!(bytes <= payload + (1 << 20) && bytes < all, "{bytes} bytes, {all} by own positions");
    for (trips, ..) in &traffic(&whole)[1..] {
        assert!(*trips <= 1, "{trips} round trips");
    }
}

#[test]
fn real_photons_take_eight_round_trips_when_cold() {
    let Some(data) = test_data() else { return };
    let real = "data_source: {variables: {h: '/{group}/heights/h_ph'}, filters: \
                [{dataset: '/{group}/heights/signal_conf_ph', column: 0, op: ne, value: -2}]}\n\
                aggregation: {variables: {dem_sum: {function: sum, source: dem, dtype: float64}}}";
    let dem = "data_source: {levels: {segments: {variables: {dem: '/{group}/geophys_corr/dem_h'}}}}";
    for name in ["ATL03_gt1l.h5", "atl03_clip_v006.h5"] {
        let path = data.join("atl03").join(name);
        let bytes_of_file = std::fs::metadata(&path).unwrap().len();
        let id = path.to_str().unwrap().to_string();
        let job = Job::new(pipeline(&[SOURCE, HEALPIX, PLAN, real, dem]), &[id], Arc::new(Access::default()))
            .far_away();
        let all = traffic(&job);
        let (trips, bytes, _) = all[0];
        say!("{name}: {trips} round trips, {bytes} bytes of {bytes_of_file}");
        assert!(trips <= 8 && bytes <= 2 << 20, "{name}: {trips} round trips, {bytes} bytes");
        assert!(all[1..].iter().all(|(trips, ..)| *trips <= 1), "{name}: {all:?}");
    }
}
