//! The metadata of GeoParquet 1.0 and 1.1 (opengeospatial/geoparquet), as much as points need.

use serde_json::Value;
use zagg_core::{Error, Result};

/// Makes sure that a column of points is in longitude and latitude, as it is by default. A file without these metadata has
/// no reference system to tell.
pub(super) fn check(geo: Option<&str>, column: &str) -> Result<()> {
    let Some(geo) = geo else { return Ok(()) };
    let geo: Value = serde_json::from_str(geo)
        .map_err(|error| Error::corrupt(format!("the metadata of GeoParquet are not JSON: {error}")))?;
    let Some(described) = geo["columns"].get(column) else {
        return Err(Error::corrupt(format!("the metadata of GeoParquet do not name the column {column}")));
    };
    if described.get("encoding").is_some_and(|encoding| encoding != "WKB") {
        return Err(Error::unsupported(format!("the column {column} is in another encoding than WKB")));
    }
    let Some(crs) = described.get("crs").filter(|crs| !crs.is_null()) else { return Ok(()) };
    let (authority, code) = (crs["id"]["authority"].as_str(), &crs["id"]["code"]);
    let code = code.as_str().map_or_else(|| code.to_string(), str::to_string);
    match (authority, code.as_str()) {
        (Some("OGC"), "CRS84" | "CRS84h") | (Some("EPSG"), "4326" | "4979") => Ok(()),
        _ => Err(Error::unsupported(format!(
            "the column {column} is in {}, not in longitude and latitude",
            crs["name"].as_str().unwrap_or("a reference system without a name")
        ))),
    }
}

/// Names of the columns that hold the box of every row: west, south, east, north.
pub(super) fn covering(geo: &str, column: &str) -> Option<[String; 4]> {
    let geo: Value = serde_json::from_str(geo).ok()?;
    let bbox = geo["columns"].get(column)?.get("covering")?.get("bbox")?;
    let name = |key: &str| {
        let path = bbox.get(key)?.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
        Some(path.join("."))
    };
    Some([name("xmin")?, name("ymin")?, name("xmax")?, name("ymax")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with_crs(crs: &Value) -> String {
        json!({"columns": {"geometry": {"encoding": "WKB", "crs": crs}}}).to_string()
    }

    #[test]
    fn only_longitude_and_latitude_are_taken() {
        assert_eq!(check(None, "geometry"), Ok(()));
        for crs in [
            Value::Null,
            json!({"id": {"authority": "OGC", "code": "CRS84"}}),
            json!({"id": {"authority": "EPSG", "code": 4326}}),
        ] {
            assert_eq!(check(Some(&with_crs(&crs)), "geometry"), Ok(()));
        }
        let polar =
            with_crs(&json!({"name": "WGS 84 / Antarctic", "id": {"authority": "EPSG", "code": 3031}}));
        assert!(check(Some(&polar), "geometry").unwrap_err().message().contains("WGS 84 / Antarctic"));
        assert!(check(Some(&polar), "other").is_err() && check(Some("{"), "geometry").is_err());
    }

    #[test]
    fn coverings_name_four_columns() {
        let path = |key: &str| json!(["bbox", key]);
        let bbox =
            json!({"xmin": path("xmin"), "ymin": path("ymin"), "xmax": path("xmax"), "ymax": path("ymax")});
        let geo = json!({"columns": {"geometry": {"covering": {"bbox": bbox}}}}).to_string();
        assert_eq!(covering(&geo, "geometry").unwrap(), ["bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"]);
        assert_eq!(covering(&geo, "other"), None);
        assert_eq!(covering("{}", "geometry"), None);
    }
}
