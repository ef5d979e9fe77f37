//! The groups, datasets and attributes of the product, as release 006 has them.

use zagg_hdf5_write::{Attribute, Chunking, Dataset, Group, Scalar, Values};

use super::name::GranuleName;
use super::{BEAMS, BeamRows, FILL};

/// GPS seconds between the GPS epoch and 2018-01-01.
const SDP_GPS_EPOCH: f64 = 1_198_800_018.0;
/// Columns are stored in chunks of this many rows, metadata of the orbit in chunks of 16.
const CHUNK_ROWS: u32 = 10_000;
const ORBIT_CHUNK_ROWS: u32 = 16;
const DEFLATE: u8 = 6;

/// The file without its beams.
pub(super) fn root(name: &GranuleName) -> Group {
    Group::new()
        .text("short_name", "ATL06")
        .text("title", "ATLAS/ICESat-2 L3A Land Ice Height (synthetic)")
        .text("description", "Made-up granule with the structure of ATL06; it contains no measurements.")
        .text("Conventions", "CF-1.6")
        .group("ancillary_data", ancillary_data(name))
        .group("orbit_info", orbit_info(name))
}

fn ancillary_data(name: &GranuleName) -> Group {
    let epoch = Dataset::new(Values::F64(vec![SDP_GPS_EPOCH]))
        .compact()
        .text("contentType", "auxiliaryInformation")
        .text(
            "description",
            "Number of GPS seconds between the GPS epoch (1980-01-06T00:00:00.000000Z UTC) and the ATLAS Standard \
             Data Product (SDP) epoch (2018-01-01:T00.00.00.000000 UTC).",
        )
        .text("long_name", "ATLAS Epoch Offset")
        .text("source", "Operations")
        .text("units", "seconds since 1980-01-06T00:00:00.000000Z");
    let release = Values::Text { values: vec![format!("{:03}", name.release)], width: 80 };
    let release = Dataset::new(release)
        .text("description", "Release number of the granule.")
        .text("long_name", "Release Number")
        .text("units", "1");
    Group::new().dataset("atlas_sdp_gps_epoch", epoch).dataset("release", release)
}

fn orbit_info(name: &GranuleName) -> Group {
    let orbit = |values, units: &str, long_name: &str| {
        Dataset::new(values)
            .chunked(Chunking { rows: ORBIT_CHUNK_ROWS, deflate: None, shuffle: false })
            .text("contentType", "referenceInformation")
            .text("long_name", long_name)
            .text("source", "POD/PPD")
            .text("units", units)
    };
    let sc_orient = orbit(Values::I8(vec![0]), "1", "Spacecraft Orientation")
        .text(
            "description",
            "This parameter tracks the spacecraft orientation between forward, backward and transitional flight \
             modes.",
        )
        .text("flag_meanings", "backward forward transition")
        .attribute("flag_values", Attribute::Array(Values::I8(vec![0, 1, 2])));
    Group::new()
        .dataset("sc_orient", sc_orient)
        .dataset("rgt", orbit(Values::I16(vec![name.rgt]), "counts", "Reference Ground track"))
        .dataset("cycle_number", orbit(Values::I8(vec![name.cycle]), "counts", "Cycle Number"))
}

/// The group of a beam, without its segments.
pub(super) fn beam(name: &str) -> Group {
    let spot = BEAMS.iter().position(|beam| *beam == name).map_or(0, |index| index + 1);
    // The spacecraft flies backward in these files: the left beam of a pair is the strong one.
    let strength = if name.ends_with('l') { "strong" } else { "weak" };
    Group::new()
        .text(
            "Description",
            "Contains subgroups organized by Ground Track (gt1l, gt1r, gt2l, gt2r, gt3l and gt3r)",
        )
        .text("atlas_beam_type", strength)
        .text("atlas_spot_number", spot.to_string())
        .text("groundtrack_id", name)
        .text("sc_orientation", "Backward")
}

/// The group `land_ice_segments` with the given rows.
pub(super) fn land_ice_segments(rows: BeamRows) -> Group {
    let quality = column(Values::I8(rows.atl06_quality_summary), None)
        .described(
            "qualityInformation",
            "ATL06_Quality_Summary",
            "1",
            "A zero in this parameter implies that no data-quality tests have found a problem with the segment, a \
             one implies that some potential problem has been found.",
        )
        .text("coordinates", "delta_time latitude longitude")
        .text("flag_meanings", "best_quality potential_problem")
        .attribute("flag_values", Attribute::Array(Values::I8(vec![0, 1])))
        .attribute("valid_max", Attribute::Scalar(Scalar::I8(1)))
        .attribute("valid_min", Attribute::Scalar(Scalar::I8(0)));
    let delta_time = column(Values::F64(rows.delta_time), None)
        .described(
            "referenceInformation",
            "Elapsed GPS seconds",
            "seconds since 2018-01-01",
            "Number of GPS seconds since the ATLAS SDP epoch.",
        )
        .text("coordinates", "latitude longitude")
        .text("standard_name", "time");
    let h_li = filled(rows.h_li).described(
        "physicalMeasurement",
        "Land Ice height",
        "meters",
        "Standard land-ice segment height determined by land ice algorithm, corrected for first-photon bias, \
         representing the median- based height of the selected PEs",
    );
    let h_li_sigma = filled(rows.h_li_sigma).described(
        "qualityInformation",
        "Expected RMS segment misfit",
        "meters",
        "Propagated error due to sampling error and FPB correction from the land ice algorithm",
    );
    let latitude = column(Values::F64(rows.latitude), None)
        .described(
            "physicalMeasurement",
            "Latitude",
            "degrees_north",
            "Latitude of segment center, WGS84, North=+,",
        )
        .text("coordinates", "delta_time longitude")
        .text("standard_name", "latitude")
        .attribute("valid_max", Attribute::Scalar(Scalar::F64(90.0)))
        .attribute("valid_min", Attribute::Scalar(Scalar::F64(-90.0)));
    let longitude = column(Values::F64(rows.longitude), None)
        .described(
            "physicalMeasurement",
            "Longitude",
            "degrees_east",
            "Longitude of segment center, , WGS84, East=+",
        )
        .text("coordinates", "delta_time latitude")
        .text("standard_name", "longitude")
        .attribute("valid_max", Attribute::Scalar(Scalar::F64(180.0)))
        .attribute("valid_min", Attribute::Scalar(Scalar::F64(-180.0)));
    let segment_id = column(Values::I32(rows.segment_id), Some(Scalar::I32(0)))
        .described(
            "referenceInformation",
            "Reference Point, m",
            "1",
            "Segment number, counting from the equator. Equal to the segment_id for the second of the two 20m \
             ATL03 segments included in the 40m ATL06 segment",
        )
        .text("coordinates", "delta_time latitude longitude");
    let sigma_geo_h = filled(rows.sigma_geo_h).described(
        "qualityInformation",
        "Vertical Geolocation Error",
        "meters",
        "Total vertical geolocation error due to PPD and POD, including the effects of horizontal geolocation \
         error on the segment vertical error.",
    );
    Group::new()
        .text(
            "Description",
            "The land_ice_height group contains the primary set of derived ATL06 products. This includes \
             geolocation, height, and standard error and quality measures for each segment.",
        )
        .dataset("atl06_quality_summary", quality)
        .dataset("delta_time", delta_time)
        .dataset("h_li", h_li)
        .dataset("h_li_sigma", h_li_sigma)
        .dataset("latitude", latitude)
        .dataset("longitude", longitude)
        .dataset("segment_id", segment_id)
        .dataset("sigma_geo_h", sigma_geo_h)
}

/// A column with, if given, a fill value in both of its places. Only integers are shuffled, as in the real files.
fn column(values: Values, fill: Option<Scalar>) -> Dataset {
    let shuffle = matches!(values, Values::I8(_) | Values::I32(_));
    let dataset =
        Dataset::new(values).chunked(Chunking { rows: CHUNK_ROWS, deflate: Some(DEFLATE), shuffle });
    match fill {
        Some(fill) => dataset.fill(fill).attribute("_FillValue", Attribute::Scalar(fill)),
        None => dataset,
    }
}

/// A floating-point column that may hold [`FILL`].
fn filled(values: Vec<f32>) -> Dataset {
    column(Values::F32(values), Some(Scalar::F32(FILL))).text("coordinates", "delta_time latitude longitude")
}

/// The attributes that every column has.
trait Described {
    fn described(self, content: &str, long_name: &str, units: &str, description: &str) -> Self;
}

impl Described for Dataset {
    fn described(self, content: &str, long_name: &str, units: &str, description: &str) -> Self {
        self.text("contentType", content)
            .text("description", description)
            .text("long_name", long_name)
            .text("units", units)
    }
}
