//! The settings under `output.grid`.

use serde_json::Value;
use zagg_core::grid::GridOptions;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

use zagg_crs::Crs;

const KEYS: [&str; 8] =
    ["type", "crs", "resolution", "bounds", "chunk_shape", "chunk_inner", "sharded", "levels"];

/// Rows and columns of a shard when nothing is said.
const CHUNK_SHAPE: [u64; 2] = [256, 256];

/// Blocks are dense, so a shard has at most as many cells as one of the HEALPix grid.
const MAX_SHARD_CELLS: u64 = 1 << 24;

/// Rows or columns of a grid; each has a coordinate that is held and written in one piece.
const MAX_LENGTH: f64 = (1_u64 << 24) as f64;

/// What defines the grid.
#[derive(Debug, Clone)]
pub struct RectilinearOptions {
    /// The coordinate reference system.
    pub crs: Crs,
    /// Width and height of a cell in units of the CRS.
    pub resolution: [f64; 2],
    /// Left edge of the grid in units of the CRS.
    pub xmin: f64,
    /// Upper edge of the grid in units of the CRS.
    pub ymax: f64,
    /// Rows and columns of the padded grid; multiples of `chunk_shape`.
    pub shape: [u64; 2],
    /// Rows and columns of a shard.
    pub chunk_shape: [u64; 2],
    /// Rows and columns of a storage chunk; divides `chunk_shape`.
    pub chunk_inner: [u64; 2],
}

impl RectilinearOptions {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// Names the key that is missing, unknown or has a value that does not fit.
    pub fn parse(options: &GridOptions) -> Result<Self> {
        if let Some(key) = options.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(Error::input(format!(
                "output.grid.{key} is not a setting of the rectilinear grid{}",
                did_you_mean(key, KEYS)
            )));
        }
        if let Some(other) = given(options, "type").filter(|value| **value != "rectilinear") {
            return Err(Error::input(format!("output.grid.type is {other}; it must be rectilinear")));
        }
        if let Some(other) = given(options, "sharded").filter(|value| !value.is_boolean()) {
            return Err(Error::input(format!("output.grid.sharded is {other}; it must be true or false")));
        }
        let crs = match given(options, "crs") {
            Some(Value::String(text)) => {
                Crs::parse(text).map_err(|error| error.context("output.grid.crs"))?
            }
            Some(other) => {
                return Err(Error::input(format!(
                    "output.grid.crs is {other}; it must be text such as EPSG:3031"
                )));
            }
            None => return Err(missing("crs", "give a coordinate reference system such as EPSG:3031")),
        };
        let resolution = resolution(options)?;
        let [xmin, ymin, xmax, ymax] = bounds(options, &crs)?;
        let chunk_shape = shape(options, "chunk_shape")?.unwrap_or(CHUNK_SHAPE);
        if chunk_shape[0].saturating_mul(chunk_shape[1]) > MAX_SHARD_CELLS {
            return Err(Error::input(format!(
                "output.grid.chunk_shape is {chunk_shape:?}, more than {MAX_SHARD_CELLS} cells in one shard; use smaller \
                 shards"
            )));
        }
        let chunk_inner = shape(options, "chunk_inner")?.unwrap_or(chunk_shape);
        if (0..2).any(|i| !chunk_shape[i].is_multiple_of(chunk_inner[i])) {
            return Err(Error::input(format!(
                "output.grid.chunk_inner {chunk_inner:?} does not divide output.grid.chunk_shape {chunk_shape:?}"
            )));
        }
        let columns = padded(xmax - xmin, resolution[0], chunk_shape[1], "columns")?;
        let rows = padded(ymax - ymin, resolution[1], chunk_shape[0], "rows")?;
        for (at, step) in [(xmin, resolution[0]), (ymax, resolution[1])] {
            if at + step == at || at - step == at {
                return Err(Error::input(format!(
                    "output.grid.resolution {step} is too fine for numbers as large as {at} in output.grid.bounds"
                )));
            }
        }
        Ok(Self { crs, resolution, xmin, ymax, shape: [rows, columns], chunk_shape, chunk_inner })
    }
}

/// Cells that cover a span, padded to whole shards.
fn padded(span: f64, size: f64, chunk: u64, what: &str) -> Result<u64> {
    // A span that is a whole number of cells but for rounding has that number.
    let cells = (span / size - 1e-9).ceil();
    // The comparisons are false for NaN.
    if !(1.0..=MAX_LENGTH).contains(&cells) {
        return Err(Error::input(if cells < 1.0 {
            format!("output.grid.resolution {size} is larger than the span {span} of output.grid.bounds")
        } else {
            format!(
                "output.grid.bounds span {span} and output.grid.resolution {size} make more than {MAX_LENGTH} {what}; use \
                 a smaller area or larger cells"
            )
        }));
    }
    // In range, as just checked.
    let padded = (cells as u64).next_multiple_of(chunk);
    if padded as f64 > MAX_LENGTH {
        return Err(Error::input(format!("the grid has {padded} {what}, more than {MAX_LENGTH}")));
    }
    Ok(padded)
}

fn resolution(options: &GridOptions) -> Result<[f64; 2]> {
    let value = given(options, "resolution")
        .ok_or_else(|| missing("resolution", "give the size of a cell in units of the CRS"))?;
    let parsed = match value {
        Value::Array(both) => numbers::<2>(both),
        one => one.as_f64().map(|size| [size, size]),
    };
    parsed.filter(|sizes| sizes.iter().all(|size| size.is_normal() && *size > 0.0)).ok_or_else(|| {
        Error::input(format!(
            "output.grid.resolution is {value}; it must be one positive number or two, [x, y]"
        ))
    })
}

fn bounds(options: &GridOptions, crs: &Crs) -> Result<[f64; 4]> {
    let value = given(options, "bounds")
        .ok_or_else(|| missing("bounds", "give [xmin, ymin, xmax, ymax] in units of the CRS"))?;
    let bounds = value
        .as_array()
        .and_then(|four| numbers::<4>(four))
        .filter(|four| four.iter().all(|v| v.is_finite()));
    let Some(bounds) = bounds else {
        return Err(Error::input(format!(
            "output.grid.bounds is {value}; it must be four numbers, [xmin, ymin, xmax, ymax]"
        )));
    };
    let [xmin, ymin, xmax, ymax] = bounds;
    if xmax <= xmin || ymax <= ymin {
        return Err(Error::input(format!(
            "output.grid.bounds is {value}; xmax must be greater than xmin and ymax greater than ymin"
        )));
    }
    if crs.is_geographic() && xmax - xmin > 360.0 + 1e-9 {
        return Err(Error::input(format!(
            "output.grid.bounds is {value}, wider than one turn of 360 degrees"
        )));
    }
    Ok(bounds)
}

fn numbers<const N: usize>(values: &[Value]) -> Option<[f64; N]> {
    let numbers: Vec<f64> = values.iter().map_while(Value::as_f64).collect();
    if values.len() == N { numbers.try_into().ok() } else { None }
}

fn shape(options: &GridOptions, key: &str) -> Result<Option<[u64; 2]>> {
    let Some(value) = given(options, key) else { return Ok(None) };
    let sides = |both: &Vec<Value>| match both.as_slice() {
        [rows, columns] => Some([rows.as_u64()?, columns.as_u64()?]),
        _ => None,
    };
    value.as_array().and_then(sides).filter(|both| both.iter().all(|n| *n > 0)).map(Some).ok_or_else(|| {
        Error::input(format!(
            "output.grid.{key} is {value}; it must be two positive whole numbers, [rows, columns]"
        ))
    })
}

fn missing(key: &str, advice: &str) -> Error {
    Error::input(format!("output.grid.{key} is missing; {advice}"))
}

/// A key with the value null counts as absent, as everywhere in YAML.
fn given<'a>(options: &'a GridOptions, key: &str) -> Option<&'a Value> {
    options.get(key).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(key: &str, value: Value) -> Result<RectilinearOptions> {
        let mut options = json!({
            "type": "rectilinear", "crs": "EPSG:3031", "resolution": 5000,
            "bounds": [-3_200_000, -3_200_000, 3_200_000, 3_200_000]
        });
        options[key] = value;
        RectilinearOptions::parse(options.as_object().unwrap())
    }

    fn message(key: &str, value: Value) -> String {
        with(key, value).unwrap_err().to_string()
    }

    #[test]
    fn the_grid_is_padded_to_whole_shards() {
        let options = with("sharded", json!(true)).unwrap();
        assert_eq!(
            (options.shape, options.chunk_shape, options.chunk_inner),
            ([1280, 1280], [256, 256], [256, 256])
        );
        assert_eq!((options.xmin, options.ymax), (-3_200_000.0, 3_200_000.0));
        let options = with("bounds", json!([0, 0, 3_000_001, 10])).unwrap();
        assert_eq!(options.shape, [256, 768]);
        // A span of a whole number of cells, but for rounding, has no cell more.
        let mut degrees = json!({
            "crs": "EPSG:4326", "resolution": 0.1, "bounds": [0.1, 0.1, 0.4, 0.4], "chunk_shape": [1, 1]
        });
        let options = RectilinearOptions::parse(degrees.as_object().unwrap()).unwrap();
        assert_eq!(options.shape, [3, 3]);
        degrees["resolution"] = json!([0.1, 0.2]);
        let options = RectilinearOptions::parse(degrees.as_object().unwrap()).unwrap();
        assert_eq!((options.shape, options.resolution), ([2, 3], [0.1, 0.2]));
    }

    #[test]
    fn errors_name_the_key() {
        assert_eq!(
            message("crs", Value::Null),
            "output.grid.crs is missing; give a coordinate reference system such as EPSG:3031"
        );
        assert!(message("crs", json!(3031)).contains("it must be text such as EPSG:3031"));
        assert!(message("resolution", Value::Null).starts_with("output.grid.resolution is missing"));
        for bad in [json!(0), json!(-1), json!("5"), json!([1, 2, 3]), json!([1, "2"]), json!([0, 1])] {
            assert!(
                message("resolution", bad.clone()).starts_with(&format!("output.grid.resolution is {bad};"))
            );
        }
        for bad in [json!([0, 0, 1]), json!("all"), json!([0, 0, 1, "1"]), json!([0, 0, 1, 2, 3])] {
            assert!(message("bounds", bad.clone()).starts_with(&format!("output.grid.bounds is {bad};")));
        }
        assert!(message("bounds", json!([0, 0, 0, 1])).contains("xmax must be greater"));
        assert!(message("bounds", json!([0, 1, 1, 0])).contains("ymax greater"));
        assert!(message("resolution", json!(1e300)).contains("larger than the span"));
        assert!(message("resolution", json!(1e-3)).contains("more than 16777216 columns"));
        assert!(message("bounds", json!([1e20, 0, 2e20, 5e3])).contains("more than"));
        assert!(message("bounds", json!([1e25, 0, 1e25 + 1e20, 1e9])).contains("more than"));
        for bad in [json!([0, 1]), json!([1]), json!(256), json!([1.5, 2]), json!([-1, 2])] {
            assert!(message("chunk_shape", bad).contains("two positive whole numbers"));
        }
        assert!(message("chunk_shape", json!([8192, 8192])).contains("use smaller shards"));
        assert!(message("chunk_inner", json!([100, 256])).contains("does not divide"));
        assert!(message("sharded", json!(1)).contains("true or false"));
        assert!(message("type", json!("healpix")).contains("it must be rectilinear"));
        assert_eq!(
            message("resoluton", json!(1)),
            "output.grid.resoluton is not a setting of the rectilinear grid; did you mean \"resolution\"?"
        );
        let wide = json!({"crs": "EPSG:4326", "resolution": 1, "bounds": [-180, -90, 181, 90]});
        let error = RectilinearOptions::parse(wide.as_object().unwrap()).unwrap_err().to_string();
        assert!(error.contains("wider than one turn"), "{error}");
    }
}
