//! The attributes that tell readers where the cells are: the conventions `proj` and `spatial` of Zarr, and a CF grid mapping
//! for those that know neither (`xarray`, `rioxarray`).

use serde_json::{Map, Value, json};
use zagg_core::grid::multiscales::{Level, multiscales};

use crate::options::RectilinearOptions;

/// Names of the dimensions and of their coordinates: rows, columns.
pub(crate) const DIMENSIONS: [&str; 2] = ["y", "x"];

/// Name of the scalar that carries the grid mapping.
pub(crate) const SPATIAL_REF: &str = "spatial_ref";

/// Readers recognise a convention by its UUID; schemas demand every word.
fn convention(uuid: &str, name: &str, description: &str) -> Value {
    json!({
        "uuid": uuid,
        "schema_url": format!("https://raw.githubusercontent.com/zarr-conventions/{name}/refs/tags/v0.1/schema.json"),
        "spec_url": format!("https://github.com/zarr-conventions/{name}/blob/v0.1/README.md"),
        "name": name,
        "description": description,
    })
}

/// The plane of cells of one level.
pub(crate) struct Plane<'a> {
    pub(crate) options: &'a RectilinearOptions,
    /// Leaf cells along each side of a cell.
    pub(crate) factor: u64,
}

impl Plane<'_> {
    /// Width and height of a cell.
    pub(crate) fn resolution(&self) -> [f64; 2] {
        self.options.resolution.map(|size| size * self.factor as f64)
    }

    /// Rows and columns.
    pub(crate) fn shape(&self) -> [u64; 2] {
        self.options.shape.map(|n| n / self.factor)
    }

    /// Centres of the columns.
    pub(crate) fn x(&self) -> Vec<f64> {
        let size = self.resolution()[0];
        (0..self.shape()[1]).map(|column| self.options.xmin + (column as f64 + 0.5) * size).collect()
    }

    /// Centres of the rows, descending.
    pub(crate) fn y(&self) -> Vec<f64> {
        let size = self.resolution()[1];
        (0..self.shape()[0]).map(|row| self.options.ymax - (row as f64 + 0.5) * size).collect()
    }

    /// Edges: left, lower, right, upper.
    fn bbox(&self) -> [f64; 4] {
        let RectilinearOptions { resolution: [rx, ry], xmin, ymax, shape: [rows, columns], .. } =
            self.options;
        [*xmin, ymax - *rows as f64 * ry, xmin + *columns as f64 * rx, *ymax]
    }

    /// Attributes of the group and of each of its data arrays: what the conventions allow only where it stands is on both.
    pub(crate) fn conventions(&self) -> Map<String, Value> {
        let [rx, ry] = self.resolution();
        let mut conventions = Vec::new();
        let mut map = Map::new();
        map.insert("zarr_conventions".into(), Value::Null);
        // The convention wants a code, WKT 2 or PROJJSON; a PROJ string is none of them and stands in the grid mapping only.
        if let Some(code) = self.options.crs.epsg() {
            conventions.push(convention(
                "f17cb550-5864-4468-aeb7-f3180cfb622f",
                "proj",
                "Coordinate reference system information for geospatial data",
            ));
            map.insert("proj:code".into(), format!("EPSG:{code}").into());
        }
        conventions.push(convention(
            "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
            "spatial",
            "Spatial coordinate information",
        ));
        map.insert("spatial:dimensions".into(), json!(DIMENSIONS));
        map.insert(
            "spatial:transform".into(),
            json!([rx, 0.0, self.options.xmin, 0.0, -ry, self.options.ymax]),
        );
        map.insert("spatial:shape".into(), json!(self.shape()));
        map.insert("spatial:bbox".into(), json!(self.bbox()));
        map.insert("spatial:registration".into(), "pixel".into());
        map.insert("zarr_conventions".into(), Value::Array(conventions));
        map
    }

    /// What the root says of this level: the places of its cells, which are absolute, stand beside the relative scale.
    pub(crate) fn level(&self, asset: String) -> Level {
        let all = self.conventions();
        let keys = ["spatial:shape", "spatial:transform"].map(|key| (key.to_owned(), all[key].clone()));
        Level { asset, size: vec![self.factor as f64; 2], keys: Map::from_iter(keys) }
    }

    /// Attributes of every data array.
    pub(crate) fn array(&self) -> Map<String, Value> {
        let mut map = self.conventions();
        map.insert("grid_mapping".into(), SPATIAL_REF.into());
        // Makes the grid mapping a coordinate when the store is opened, where rioxarray looks for it.
        map.insert("coordinates".into(), SPATIAL_REF.into());
        map
    }

    /// Attributes of `spatial_ref`: the grid mapping, and what GDAL and rioxarray expect beside it.
    pub(crate) fn spatial_ref(&self) -> Map<String, Value> {
        let crs = &self.options.crs;
        let mut map = crs.grid_mapping();
        if let Some(wkt) = crs.wkt() {
            map.insert("crs_wkt".into(), wkt.into());
        }
        map.insert(SPATIAL_REF.into(), crs.wkt().unwrap_or(crs.name()).into());
        let [rx, ry] = self.resolution();
        let (left, upper) = (self.options.xmin, self.options.ymax);
        map.insert("GeoTransform".into(), format!("{left} {rx} 0 {upper} 0 {}", -ry).into());
        map
    }

    /// Attributes of the coordinate of a dimension: 0 is `y`, 1 is `x`.
    pub(crate) fn dimension(&self, at: usize) -> Map<String, Value> {
        let crs = &self.options.crs;
        let (standard_name, units, long_name) = match (crs.is_geographic(), at) {
            (true, 0) => ("latitude", "degrees_north".into(), "latitude of the centre of the cell"),
            (true, _) => ("longitude", "degrees_east".into(), "longitude of the centre of the cell"),
            (false, 0) => ("projection_y_coordinate", crs.unit(), "y of the centre of the cell"),
            (false, _) => ("projection_x_coordinate", crs.unit(), "x of the centre of the cell"),
        };
        let mut map = Map::new();
        map.insert("standard_name".into(), standard_name.into());
        map.insert("long_name".into(), long_name.into());
        map.insert("units".into(), units.into());
        map.insert("axis".into(), if at == 0 { "Y" } else { "X" }.into());
        map
    }
}

/// Attributes of the root of a store with several levels, finest first, with the names of their groups. The root itself says
/// where the finest level lies.
pub(crate) fn root(planes: &[(String, Plane<'_>)]) -> Map<String, Value> {
    let mut map = multiscales(planes.iter().map(|(name, plane)| plane.level(name.clone())));
    if let Some((_, finest)) = planes.first() {
        let mut spatial = finest.conventions();
        if let (Some(Value::Array(all)), Some(Value::Array(more))) =
            (map.get_mut("zarr_conventions"), spatial.remove("zarr_conventions"))
        {
            all.extend(more);
        }
        map.extend(spatial);
    }
    map
}
