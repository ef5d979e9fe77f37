//! An opened Parquet file.
//!
//! The reader is our own. The `parquet` crate reserves memory by counts that stand in the metadata, and unpacks gzip to
//! whatever comes out: a few damaged bytes can end the process, which no caller can catch. Here metadata are read into what
//! is needed of them and no more, every length is checked before anything is made of it, and nothing is unpacked beyond the
//! length it must have, so that damaged and hostile files end in errors. Tests compare with that crate and with pyarrow.
//!
//! It follows apache/parquet-format 2.11: data pages of both forms, dictionaries, the encodings PLAIN, RLE, RLE_DICTIONARY,
//! DELTA_BINARY_PACKED and BYTE_STREAM_SPLIT, zstd, snappy, gzip and LZ4_RAW, statistics, page locations and checksums.

mod bounds;
mod encodings;
mod fetch;
mod footer;
mod geo;
mod locations;
mod page;
mod pages;
mod raw;
mod schema;
mod thrift;
mod wkb;

use std::sync::Arc;

use serde_json::{Map, Value};
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{
    LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, Positions, ReadRequest,
};
use zagg_core::{Column, Context, DType, Error, Result, Rows};

use crate::attributes_of;
use crate::options::{ColumnRef, Coordinates, Options};
use bounds::Edges;
use fetch::Fetcher;
use footer::Footer;
use raw::Decoded;
use schema::{Leaf, Schema};

/// The file.
#[derive(Debug)]
pub(crate) struct ParquetGranule {
    options: Arc<Options>,
    infos: Vec<PartInfo>,
    footer: Footer,
    /// Columns of the file that are used, each once, in the order of the chunks of every row group.
    leaves: Vec<Leaf>,
    places: Places,
    fetcher: Fetcher,
}

/// Where in the leaves things are.
#[derive(Debug, Clone)]
struct Places {
    coordinates: Result<Place>,
    /// As [`Options::columns`].
    columns: Vec<Result<usize>>,
    edges: Option<Edges>,
}

/// Where positions are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Columns { longitude: usize, latitude: usize },
    Points(usize),
}

/// What a column of a request is made from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// Numbers, in another type if one is given.
    Leaf(usize, Option<DType>),
    /// A coordinate of points.
    Point(usize, usize),
}

impl Origin {
    fn leaf(self) -> usize {
        match self {
            Self::Leaf(leaf, _) | Self::Point(leaf, _) => leaf,
        }
    }
}

impl ParquetGranule {
    pub(crate) fn open(reader: Arc<dyn RangeReader>, options: Arc<Options>) -> Result<Self> {
        let bytes = footer::fetch(&*reader)?;
        let mut found = None;
        let (footer, _) = Footer::read(&bytes, reader.size(), |schema, geo| {
            let (leaves, places) = find(schema, geo, &options);
            let wanted = leaves.iter().map(|leaf| leaf.index).collect();
            found = Some((leaves, places));
            wanted
        })
        .context(|| reader.location().to_string())?;
        let (leaves, mut places) = found.ok_or_else(|| Error::plugin("the columns were not looked up"))?;
        if let (Ok(Place::Points(_)), Coordinates::Geometry(name)) =
            (&places.coordinates, &options.coordinates)
        {
            // Points in metres would be taken for degrees.
            if let Err(error) = geo::check(footer.geo.as_deref(), name) {
                places.coordinates = Err(error);
            }
        }
        let state = match &places.coordinates {
            Ok(_) => PartState::Present { rows: footer.rows },
            Err(error) => PartState::Broken(error.clone()),
        };
        let infos = vec![PartInfo { name: String::new(), state }];
        let fetcher = Fetcher::new(reader, options.memory);
        Ok(Self { options, infos, footer, leaves, places, fetcher })
    }

    fn origin(&self, name: &str) -> Result<Origin> {
        let coordinate = match name {
            LONGITUDE => Some(0),
            LATITUDE => Some(1),
            _ => None,
        };
        if let Some(which) = coordinate {
            return Ok(match self.places.coordinates.clone()? {
                Place::Columns { longitude, latitude } => Origin::Leaf([longitude, latitude][which], None),
                Place::Points(leaf) => Origin::Point(leaf, which),
            });
        }
        let at = self.options.columns.iter().position(|column| column.name == name);
        let at = at.ok_or_else(|| Error::plugin(format!("the source has no column {name:?}")))?;
        Ok(Origin::Leaf(self.places.columns[at].clone()?, self.options.columns[at].dtype))
    }

    fn read_one(&self, request: &ReadRequest) -> Result<PointBatch> {
        let rows = match self.infos.get(request.part).map(|info| &info.state) {
            Some(PartState::Present { rows }) => *rows,
            Some(PartState::Broken(error)) => return Err(error.clone()),
            _ => return Err(Error::plugin(format!("the granule has no part {}", request.part))),
        };
        if request.rows.end() > rows {
            return Err(Error::plugin(format!("row {} was asked for, of {rows}", request.rows.end() - 1)));
        }
        let from = request.columns.iter().map(|name| self.origin(name)).collect::<Result<Vec<_>>>()?;
        let mut used: Vec<usize> = from.iter().map(|from| from.leaf()).collect();
        used.sort_unstable();
        used.dedup();
        let decoded = self.fetcher.read(&self.footer.groups, &self.leaves, &used, &request.rows)?;
        let columns = from
            .iter()
            .map(|&from| {
                let at =
                    used.binary_search(&from.leaf()).map_err(|_| Error::plugin("a column was not read"))?;
                self.column(from, &decoded[at])
            })
            .collect::<Result<_>>()?;
        Ok(PointBatch { columns })
    }

    fn column(&self, from: Origin, decoded: &Decoded) -> Result<Column> {
        match from {
            Origin::Point(_, which) => decoded.coordinate(which),
            Origin::Leaf(leaf, dtype) => {
                let Leaf { dtype: stored, name, .. } = &self.leaves[leaf];
                let stored =
                    stored.ok_or_else(|| Error::input(format!("the column {name} does not hold numbers")))?;
                let Column { values, missing } =
                    decoded.clone().column(stored).context(|| format!("column {name}"))?;
                let values = values.cast(dtype.unwrap_or(stored)).context(|| format!("column {name}"))?;
                Ok(Column { values, missing })
            }
        }
    }
}

/// Looks up every column that is used.
fn find(schema: &Schema, geo: Option<&str>, options: &Options) -> (Vec<Leaf>, Places) {
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut place = |leaf: Leaf| {
        leaves.iter().position(|known| *known == leaf).unwrap_or_else(|| {
            leaves.push(leaf);
            leaves.len() - 1
        })
    };
    let leaf = |column: &ColumnRef| match column {
        ColumnRef::Name(name) => schema.leaf(name),
        ColumnRef::Number(number) => Err(Error::input(format!(
            "columns of Parquet files have names; give the name instead of {number}"
        ))),
    };
    let coordinates = match &options.coordinates {
        Coordinates::Columns { longitude, latitude } => leaf(longitude).and_then(|longitude| {
            let (longitude, latitude) = (place(longitude), place(leaf(latitude)?));
            Ok(Place::Columns { longitude, latitude })
        }),
        Coordinates::Geometry(name) => schema.points(name).map(|leaf| Place::Points(place(leaf))),
    };
    let columns = options.columns.iter().map(|column| leaf(&column.column).map(&mut place)).collect();
    let edges = match &coordinates {
        Ok(Place::Columns { longitude, latitude }) => {
            Some(Edges { columns: [*longitude, *longitude, *latitude, *latitude], apart: false })
        }
        Ok(Place::Points(_)) => {
            let names = match &options.coordinates {
                Coordinates::Geometry(name) => geo.and_then(|geo| geo::covering(geo, name)),
                Coordinates::Columns { .. } => None,
            };
            names.and_then(|names| {
                let columns = names.map(|name| schema.leaf(&name).map(&mut place).ok());
                let [Some(west), Some(south), Some(east), Some(north)] = columns else { return None };
                Some(Edges { columns: [west, east, south, north], apart: true })
            })
        }
        Err(_) => None,
    };
    let edges = edges.filter(|_| options.statistics);
    (leaves, Places { coordinates, columns, edges })
}

impl OpenGranule for ParquetGranule {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        attributes_of(&self.options, column)
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let groups = &self.footer.groups;
        parts
            .iter()
            .map(|&part| {
                let boxes = self.places.edges.as_ref();
                if part == 0
                    && let Some(boxes) = boxes.and_then(|edges| bounds::boxes(groups, &self.leaves, edges))
                {
                    return Ok(Positions::Boxes {
                        boxes,
                        rows: groups.iter().map(|g| g.rows.clone()).collect(),
                    });
                }
                let columns = vec![LONGITUDE.to_string(), LATITUDE.to_string()];
                let request = ReadRequest { part, rows: Rows::all(self.footer.rows), columns };
                let mut columns = self.read_one(&request)?.columns.into_iter().map(Column::into_f64);
                match (columns.next(), columns.next()) {
                    (Some(lon), Some(lat)) => Ok(Positions::Exact { lon, lat }),
                    _ => Err(Error::plugin("positions need two columns")),
                }
            })
            .collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        requests.iter().map(|request| self.read_one(request)).collect()
    }
}
