//! Reading of columns, some rows at a time.

use std::fs::File;
use std::ops::Range;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::file::reader::FileReader;
use ::parquet::file::serialized_reader::SerializedFileReader;
use zagg_core::{Error, ErrorKind, Result};

use super::{bounds, corrupt, from_parquet};

/// The most leaf columns: assets with unstable names make many.
const MAX_COLUMNS: usize = 20_000;
/// The most bytes of text that are kept of a file: compressed columns can stand for any amount.
const MAX_TEXT: u64 = 4 << 30;

/// An open Parquet file.
pub(crate) struct Table {
    name: String,
    file: File,
    reader: SerializedFileReader<File>,
    /// Path of every leaf column.
    paths: Vec<Vec<String>>,
    /// Bytes of text that have been kept.
    kept: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Panics of the reader come from damaged files.
fn guarded<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    zagg_core::caught(work).map_err(|error| match error.kind() {
        ErrorKind::Plugin => corrupt(name, error.message()),
        _ => error,
    })
}

impl Table {
    /// Opens a file; `name` is for messages.
    pub(crate) fn open(name: &str, mut file: File) -> Result<Self> {
        bounds::check_footer(name, &mut file)?;
        let copy = file.try_clone().map_err(|error| Error::from_io(&error, name))?;
        guarded(name, || {
            let reader = SerializedFileReader::new(copy).map_err(|error| from_parquet(name, &error))?;
            let columns = reader.metadata().file_metadata().schema_descr().columns();
            if columns.len() > MAX_COLUMNS {
                return Err(Error::unsupported(format!("{name}: {} columns", columns.len())));
            }
            let paths = columns.iter().map(|column| column.path().parts().to_vec()).collect();
            Ok(Self { name: name.to_owned(), file, reader, paths, kept: 0 })
        })
    }

    /// The file, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An entry of the file's metadata.
    pub(crate) fn entry(&self, key: &str) -> Option<&str> {
        let entries = self.reader.metadata().file_metadata().key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// Paths of all leaf columns.
    pub(crate) fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// The leaf column with this path.
    pub(crate) fn leaf(&self, path: &[&str]) -> Option<usize> {
        self.paths.iter().position(|have| have.iter().map(String::as_str).eq(path.iter().copied()))
    }

    /// The leaf column with this path, which must be there.
    pub(crate) fn require(&self, path: &[&str]) -> Result<usize> {
        self.leaf(path)
            .ok_or_else(|| Error::input(format!("{}: there is no column {}", self.name, path.join("."))))
    }

    /// What a count of a column of times must be multiplied and divided by for microseconds; `None` when it has no times.
    pub(crate) fn time_unit(&self, leaf: usize) -> Option<(i64, i64)> {
        let column = self.reader.metadata().file_metadata().schema_descr().column(leaf);
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(time)), _) => Some(match time.unit {
                TimeUnit::MILLIS => (1000, 1),
                TimeUnit::MICROS => (1, 1),
                TimeUnit::NANOS => (1, 1000),
            }),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some((1000, 1)),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some((1, 1)),
            _ => None,
        }
    }

    /// Counts text that is kept.
    pub(crate) fn keep(&mut self, bytes: usize) -> Result<()> {
        self.kept += bytes as u64;
        if self.kept > MAX_TEXT {
            return Err(Error::unsupported(format!("{}: more than {MAX_TEXT} bytes of text", self.name)));
        }
        Ok(())
    }

    /// Hands out the rows of some leaf columns, at most `rows` at a time, in their order.
    ///
    /// # Errors
    /// That of `each`, or what is wrong with the file.
    pub(crate) fn scan(
        &mut self,
        leaves: &[usize],
        rows: usize,
        mut each: impl FnMut(&mut Self, &[Batch]) -> Result<()>,
    ) -> Result<()> {
        for group in 0..self.reader.metadata().num_row_groups() {
            let metadata = self.reader.metadata().row_group(group).clone();
            let mut left = usize::try_from(metadata.num_rows())
                .map_err(|_| corrupt(&self.name, "a negative number of rows"))?;
            let mut columns = Vec::with_capacity(leaves.len());
            for &leaf in leaves {
                let chunk = metadata.columns().get(leaf);
                let chunk = chunk.ok_or_else(|| corrupt(&self.name, "a row group lacks a column"))?;
                bounds::check_pages(&self.name, &mut self.file, chunk)?;
                let column = guarded(&self.name, || {
                    let group = self.reader.get_row_group(group);
                    group
                        .and_then(|group| group.get_column_reader(leaf))
                        .map_err(|error| from_parquet(&self.name, &error))
                })?;
                columns.push(column);
            }
            while left > 0 {
                let now = left.min(rows);
                let batches = columns
                    .iter_mut()
                    .zip(leaves)
                    .map(|(column, &leaf)| {
                        let path = self.paths[leaf].join(".");
                        guarded(&self.name, || Batch::read(&self.name, path, column, now))
                    })
                    .collect::<Result<Vec<_>>>()?;
                each(self, &batches)?;
                left -= now;
            }
        }
        Ok(())
    }
}

/// Values of a leaf column, without nulls.
enum Cells {
    Bytes(Vec<ByteArray>),
    Integers(Vec<i64>),
    /// Of a type that nobody asks for, such as the nulls of empty lists.
    Other,
}

/// Some rows of a leaf column.
pub(crate) struct Batch {
    name: String,
    path: String,
    cells: Cells,
    /// For each row where its values are.
    rows: Vec<Row>,
}

/// A row of a leaf column.
struct Row {
    values: Range<usize>,
    /// Definition level of its first item: how much of its path is there.
    defined: i16,
}

impl Batch {
    fn read(name: &str, path: String, column: &mut ColumnReader, rows: usize) -> Result<Self> {
        let mut levels = Levels { name, rows, found: Vec::new() };
        let cells = match column {
            ColumnReader::ByteArrayColumnReader(column) => Cells::Bytes(levels.read(column)?),
            ColumnReader::Int64ColumnReader(column) => Cells::Integers(levels.read(column)?),
            ColumnReader::Int32ColumnReader(column) => {
                Cells::Integers(levels.read(column)?.into_iter().map(i64::from).collect())
            }
            ColumnReader::BoolColumnReader(column) => levels.other(column)?,
            ColumnReader::Int96ColumnReader(column) => levels.other(column)?,
            ColumnReader::FloatColumnReader(column) => levels.other(column)?,
            ColumnReader::DoubleColumnReader(column) => levels.other(column)?,
            ColumnReader::FixedLenByteArrayColumnReader(column) => levels.other(column)?,
        };
        Ok(Self { name: name.to_owned(), path, cells, rows: levels.found })
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Definition level of the first item of a row.
    pub(crate) fn defined(&self, row: usize) -> i16 {
        self.rows.get(row).map_or(0, |row| row.defined)
    }

    /// An error about this column.
    pub(crate) fn fault(&self, what: &str) -> Error {
        Error::corrupt(format!("{}: column {}: {what}", self.name, self.path))
    }

    fn wrong_type(&self, wanted: &str) -> Error {
        Error::input(format!("{}: column {} holds no {wanted}", self.name, self.path))
    }

    /// Where the values of a row are.
    fn range(&self, row: usize) -> Range<usize> {
        self.rows.get(row).map_or(0..0, |row| row.values.clone())
    }

    /// The values of a row, of a column of bytes or text.
    pub(crate) fn bytes(&self, row: usize) -> Result<impl Iterator<Item = &[u8]>> {
        match &self.cells {
            Cells::Bytes(all) => Ok(all.get(self.range(row)).unwrap_or_default().iter().map(ByteArray::data)),
            _ => Err(self.wrong_type("text")),
        }
    }

    /// The values of a row, of a column of text.
    pub(crate) fn texts(&self, row: usize) -> Result<impl Iterator<Item = Result<&str>>> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| corrupt(&self.name, &format!("column {} is no text", self.path)))
        };
        Ok(self.bytes(row)?.map(text))
    }

    /// The value of a row, of a column of text.
    pub(crate) fn text(&self, row: usize) -> Result<Option<&str>> {
        self.texts(row)?.next().transpose()
    }

    /// The values of a row, of a column of integers. Unsigned ones of 64 bits come as signed ones with the same bits.
    pub(crate) fn integers(&self, row: usize) -> Result<&[i64]> {
        match &self.cells {
            Cells::Integers(all) => Ok(all.get(self.range(row)).unwrap_or_default()),
            _ => Err(self.wrong_type("integers")),
        }
    }

    /// The value of a row, of a column of integers.
    pub(crate) fn integer(&self, row: usize) -> Result<Option<i64>> {
        Ok(self.integers(row)?.first().copied())
    }

    /// Whether the column holds text or bytes.
    pub(crate) fn is_bytes(&self) -> bool {
        matches!(self.cells, Cells::Bytes(_))
    }
}

/// Finds the rows among the levels of a column.
struct Levels<'a> {
    name: &'a str,
    rows: usize,
    found: Vec<Row>,
}

impl Levels<'_> {
    /// Of a column whose values nobody asks for.
    fn other<T: DataType>(&mut self, column: &mut ColumnReaderImpl<T>) -> Result<Cells> {
        self.read(column).map(|_| Cells::Other)
    }

    fn read<T: DataType>(&mut self, column: &mut ColumnReaderImpl<T>) -> Result<Vec<T::T>> {
        let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let (rows, count, levels) = column
            .read_records(self.rows, Some(&mut defined), Some(&mut repeated), &mut values)
            .map_err(|error| from_parquet(self.name, &error))?;
        if rows != self.rows || values.len() != count {
            return Err(corrupt(self.name, "a column has fewer rows than the table"));
        }
        // A value stands where the highest level is reached. A schema without nulls has no levels, and all are 0.
        let highest = defined.iter().copied().max().unwrap_or(0);
        let full = if count == 0 { i16::MAX } else { highest };
        let mut at = 0;
        for level in 0..levels {
            let defined = defined.get(level).copied().unwrap_or(0);
            let end = at + usize::from(defined == full);
            match self.found.last_mut() {
                Some(row) if repeated.get(level).is_some_and(|&level| level > 0) => row.values.end = end,
                _ => self.found.push(Row { values: at..end, defined }),
            }
            at = end;
        }
        if self.found.len() != rows || at != count {
            return Err(corrupt(self.name, "the levels of a column contradict its values"));
        }
        Ok(values)
    }
}
