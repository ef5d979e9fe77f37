//! An opened CSV file.
//!
//! Text has no index: the file is read whole when it is opened, in pieces, and of it the columns that the pipeline uses are
//! kept. Where the memory for that is used up by other open files, nothing is kept and the file is read again when needed.

mod budget;
mod field;
mod input;
mod quotes;

use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, ReaderBuilder, Terminator};
use serde_json::{Map, Value};
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{
    LATITUDE, LONGITUDE, OpenGranule, PartInfo, PartState, PointBatch, Positions, ReadRequest,
};
use zagg_core::suggest::did_you_mean;
use zagg_core::{Column, DType, Error, Result, Rows};

use crate::attributes_of;
use crate::options::{ColumnRef, Coordinates, Options, ending};
pub(crate) use budget::Budget;
use budget::Share;
use field::Sink;
use input::Input;
use quotes::Quotes;

/// Type of a column of which the pipeline says none.
const DEFAULT: DType = DType::Float64;

/// Columns before those of [`Options::columns`]: longitude and latitude.
const COORDINATES: usize = 2;

/// The file.
#[derive(Debug)]
pub(crate) struct CsvGranule {
    reader: Arc<dyn RangeReader>,
    options: Arc<Options>,
    infos: Vec<PartInfo>,
    /// Longitude, latitude and the columns of the options, with the memory they take.
    kept: Option<(Arc<Table>, Share)>,
}

/// Every row of the file: longitude, latitude and [`Options::columns`].
#[derive(Debug)]
struct Table {
    rows: usize,
    columns: Vec<Result<Column>>,
}

impl CsvGranule {
    pub(crate) fn open(
        reader: Arc<dyn RangeReader>,
        options: Arc<Options>,
        budget: &Arc<Budget>,
    ) -> Result<Self> {
        let table = parse(&reader, &options)?;
        let fault = table.columns.iter().take(COORDINATES).find_map(|column| column.as_ref().err());
        let state = match fault {
            Some(error) => PartState::Broken(error.clone()),
            None => PartState::Present { rows: table.rows as u64 },
        };
        let infos = vec![PartInfo { name: String::new(), state }];
        let kept = budget.take(table.bytes()).map(|share| (Arc::new(table), share));
        Ok(Self { reader, options, infos, kept })
    }

    fn table(&self) -> Result<Arc<Table>> {
        match &self.kept {
            Some((table, _)) => Ok(Arc::clone(table)),
            None => parse(&self.reader, &self.options).map(Arc::new),
        }
    }

    fn read_one(&self, table: &Result<Arc<Table>>, request: &ReadRequest) -> Result<PointBatch> {
        match self.infos.get(request.part).map(|info| &info.state) {
            Some(PartState::Present { .. }) => {}
            Some(PartState::Broken(error)) => return Err(error.clone()),
            _ => return Err(Error::plugin(format!("the granule has no part {}", request.part))),
        }
        let table = table.as_ref().map_err(Clone::clone)?;
        if request.rows.end() > table.rows as u64 {
            return Err(Error::plugin(format!(
                "row {} was asked for, of {}",
                request.rows.end() - 1,
                table.rows
            )));
        }
        let places = places(&request.rows)?;
        let column = |name: &String| {
            let at = match name.as_str() {
                LONGITUDE => 0,
                LATITUDE => 1,
                name => {
                    let at = self.options.columns.iter().position(|column| column.name == name);
                    COORDINATES
                        + at.ok_or_else(|| Error::plugin(format!("the source has no column {name:?}")))?
                }
            };
            table.columns[at].as_ref().map(|column| column.gather(&places)).map_err(Clone::clone)
        };
        Ok(PointBatch { columns: request.columns.iter().map(column).collect::<Result<_>>()? })
    }
}

fn places(rows: &Rows) -> Result<Vec<u32>> {
    rows.iter().map(|row| u32::try_from(row).map_err(|_| Error::unsupported("more than 2^32 rows"))).collect()
}

impl Table {
    /// Memory that the columns take.
    fn bytes(&self) -> u64 {
        let size = |column: &Column| {
            let flags = column.missing.as_ref().map_or(0, Vec::len);
            column.values.len() * column.values.dtype().size() + flags
        };
        self.columns.iter().flatten().map(|column| size(column) as u64).sum()
    }
}

impl OpenGranule for CsvGranule {
    fn parts(&self) -> &[PartInfo] {
        &self.infos
    }

    fn column_attributes(&self, column: &str) -> Map<String, Value> {
        attributes_of(&self.options, column)
    }

    fn positions(&self, parts: &[usize]) -> Vec<Result<Positions>> {
        let table = self.table();
        parts
            .iter()
            .map(|&part| {
                let rows = table.as_ref().map_or(0, |table| table.rows as u64);
                let columns = vec![LONGITUDE.to_string(), LATITUDE.to_string()];
                let request = ReadRequest { part, rows: Rows::all(rows), columns };
                let mut columns = self.read_one(&table, &request)?.columns.into_iter().map(Column::into_f64);
                match (columns.next(), columns.next()) {
                    (Some(lon), Some(lat)) => Ok(Positions::Exact { lon, lat }),
                    _ => Err(Error::plugin("positions need two columns")),
                }
            })
            .collect()
    }

    fn read(&self, requests: &[ReadRequest]) -> Vec<Result<PointBatch>> {
        let table = self.table();
        requests.iter().map(|request| self.read_one(&table, request)).collect()
    }
}

/// The names in the first row, where there are any.
type Names = Option<Vec<String>>;

/// Reads the whole file.
fn parse(reader: &Arc<dyn RangeReader>, options: &Options) -> Result<Table> {
    let Coordinates::Columns { longitude, latitude } = &options.coordinates else {
        return Err(Error::input(
            "coordinates.geometry is for Parquet files; name columns of longitude and latitude",
        ));
    };
    let settings = &options.csv;
    let tabs = ending(reader.location()) == "tsv";
    let delimiter = settings.delimiter.unwrap_or(if tabs { b'\t' } else { b',' });
    let (input, progress) = Input::new(Arc::clone(reader), Quotes::new(settings, delimiter));
    let mut text = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .quote(settings.quote)
        .comment(settings.comment)
        .terminator(Terminator::CRLF)
        .from_reader(input);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| {
        progress.begin();
        text.read_byte_record(record).map_err(|error| match error.into_kind() {
            ErrorKind::Io(error) => {
                progress.fault().unwrap_or_else(|| Error::corrupt(format!("{}: {error}", reader.location())))
            }
            _ => Error::corrupt(format!("{}: is not a CSV file", reader.location())),
        })
    };
    let (mut names, mut width): (Names, _) = (None, None);
    if settings.header {
        if !next(&mut record)? {
            return Err(Error::corrupt(format!("{}: has no header; it may be truncated", reader.location())));
        }
        names = Some(header(&record));
        width = Some(record.len());
    }
    let wanted = [(longitude, None), (latitude, None)]
        .into_iter()
        .chain(options.columns.iter().map(|column| (&column.column, column.dtype)));
    // A column that is not there is a fault of what asks for it.
    let mut sinks: Vec<Result<(usize, Sink)>> = wanted
        .map(|(column, dtype)| {
            Ok((find(column, names.as_ref())?, Sink::new(column, dtype.unwrap_or(DEFAULT))))
        })
        .collect();
    let row_bytes: u64 = sinks.iter().flatten().map(|(_, sink)| sink.row_bytes()).sum();
    let mut rows = 0;
    while next(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let width = *width.get_or_insert(record.len());
        if record.len() != width {
            return Err(Error::corrupt(format!(
                "{}: line {line} has {} fields where {width} belong",
                reader.location(),
                record.len()
            )));
        }
        rows += 1;
        if rows as u64 * row_bytes > options.memory {
            return Err(Error::unsupported(format!(
                "{}: its columns take more than the {} bytes allowed; raise data_source.memory, or split the file",
                reader.location(),
                options.memory
            )));
        }
        for sink in &mut sinks {
            if let Ok((at, values)) = sink {
                let taken = match record.get(*at) {
                    Some(field) => values.push(field, &settings.null_values),
                    None => Err(Error::not_found(format!("there is no column number {at}"))),
                };
                if let Err(error) = taken {
                    *sink = Err(error.context(format_args!("line {line}")));
                }
            }
        }
    }
    Ok(Table { rows, columns: sinks.into_iter().map(|sink| sink.map(|(_, sink)| sink.column())).collect() })
}

fn header(record: &ByteRecord) -> Vec<String> {
    let mut names: Vec<String> =
        record.iter().map(|name| String::from_utf8_lossy(name).trim().to_string()).collect();
    // Some programs mark text with an invisible character.
    if let Some(first) = names.first_mut()
        && let Some(rest) = first.strip_prefix('\u{feff}')
    {
        *first = rest.trim_matches('"').to_string();
    }
    names
}

/// The place of a column.
fn find(column: &ColumnRef, names: Option<&Vec<String>>) -> Result<usize> {
    match (column, names) {
        (ColumnRef::Number(number), None) => Ok(*number),
        (ColumnRef::Number(number), Some(names)) if *number < names.len() => Ok(*number),
        (ColumnRef::Number(number), Some(names)) => Err(Error::not_found(format!(
            "there is no column number {number}; there are 0 to {}",
            names.len() - 1
        ))),
        (ColumnRef::Name(name), None) => Err(Error::input(format!(
            "the column {name} has no name in a file without a header; give its number, from 0"
        ))),
        (ColumnRef::Name(name), Some(names)) => {
            let mut found = names.iter().enumerate().filter(|(_, known)| *known == name).map(|(at, _)| at);
            match (found.next(), found.next()) {
                (Some(at), None) => Ok(at),
                (Some(_), Some(_)) => Err(Error::corrupt(format!(
                    "two columns are named {name}; give the number of one, from 0"
                ))),
                (None, _) => Err(Error::not_found(format!(
                    "there is no column {name}{}",
                    did_you_mean(name, names.iter().map(String::as_str))
                ))),
            }
        }
    }
}
