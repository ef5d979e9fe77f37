//! An open file.

use hdf5_metno::plist::dataset_create::{FillValue as NativeFill, Layout};
use hdf5_metno::{
    Dataset as NativeDataset, File, Group, IndexType, IterationOrder, LinkType, Location, LocationType,
};
use zagg_core::{Context, Error, Result, Rows, Values};
use zagg_hdf5::{
    Attribute, ByteOrder, Dataset, Datatype, Description, Entry, EntryKind, FillValue, Filter, Hdf5Reader,
    RowRequest, path_splits,
};

use crate::read::{self, Part};
use crate::types::Number;
use crate::{attributes, failure, types};

/// What every HDF5 file has at its start, or behind a user block.
const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// A local HDF5 file read by the C library.
#[derive(Debug)]
pub struct NativeFile {
    file: File,
    /// The library's number of the open file, by which objects of others are told apart.
    number: u64,
    location: String,
}

/// What lies at a path.
struct Found {
    kind: EntryKind,
    /// Path that the library understands.
    path: String,
}

fn failed(error: &hdf5_metno::Error) -> Error {
    failure::error(error, "its structure")
}

impl NativeFile {
    /// Opens a local file.
    ///
    /// # Errors
    /// When it does not exist, cannot be read, is no HDF5 file, or is one that the library does not open.
    pub fn open(location: &str) -> Result<Self> {
        let path = location.strip_prefix("file://").unwrap_or(location);
        if path.contains("://") {
            return Err(Error::unsupported(format!(
                "{location}: the native reader reads local files only; use the reader hdf5-points"
            )));
        }
        let mut start = [0u8; 8];
        let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut start));
        read.map_err(|error| Error::from_io(&error, location))?;
        let file = File::open(path).map_err(|error| {
            let error = failure::error(&error, location);
            // Behind a user block the library finds what is not at the start.
            if start == *SIGNATURE {
                error
            } else {
                Error::input(format!("{location}: this is not an HDF5 file"))
            }
        })?;
        let number = file.loc_info().map_err(|error| failure::error(&error, location))?.fileno;
        Ok(Self { file, number, location: location.to_owned() })
    }

    fn named<T>(&self, path: &str, result: Result<T>) -> Result<T> {
        result.context(|| format!("{}: {path}", self.location))
    }

    /// Follows a path link by link, because the library would go on in other files.
    fn find(&self, path: &str) -> Result<Option<Found>> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        let mut group: Group = self.file.group("/").map_err(|error| failed(&error))?;
        let mut walked = String::from("/");
        let mut kind = EntryKind::Group;
        for (at, name) in names.iter().enumerate() {
            match link(&group, name)? {
                None => return Ok(None),
                Some(LinkType::External) => {
                    return Err(Error::unsupported(format!("{name} is a link to another file")));
                }
                Some(_) => {}
            }
            // A soft link whose target is missing.
            let Ok(found) = group.loc_info_by_name(name) else { return Ok(None) };
            // A soft link may lead through an external one.
            if found.fileno != self.number {
                return Err(Error::unsupported(format!("{name} is a link into another file")));
            }
            kind = match found.loc_type {
                LocationType::Group => EntryKind::Group,
                LocationType::Dataset => EntryKind::Dataset,
                LocationType::NamedDatatype => EntryKind::NamedType,
            };
            if at > 0 {
                walked.push('/');
            }
            walked.push_str(name);
            if at + 1 < names.len() {
                if kind != EntryKind::Group {
                    return Ok(None);
                }
                group = group.group(name).map_err(|error| failed(&error))?;
            }
        }
        Ok(Some(Found { kind, path: walked }))
    }

    fn native(&self, found: &Found) -> Result<NativeDataset> {
        self.file.dataset(&found.path).map_err(|error| failed(&error))
    }

    fn describe(&self, path: &str) -> Result<Option<Dataset>> {
        for (plain, members) in path_splits(path) {
            let Some(found) = self.find(plain)? else { continue };
            match found.kind {
                EntryKind::Dataset => {}
                EntryKind::Group => return Err(Error::input("is a group where a dataset is expected")),
                _ => return Err(Error::input("is not a dataset")),
            }
            let native = self.native(&found)?;
            return description(&native, path, members).and_then(Dataset::described).map(Some);
        }
        Ok(None)
    }

    /// The library's dataset behind one that this reader has described, if its values can be read.
    fn readable(&self, dataset: &Dataset) -> Result<NativeDataset> {
        if dataset.datatype() != dataset.stored_datatype() {
            return Err(Error::unsupported(
                "fields of records and arrays within elements, by the native reader",
            ));
        }
        let filter = dataset
            .filters()
            .iter()
            .find(|f| !hdf5_metno::filters::Filter::get_info(f.id.into()).is_available);
        if let Some(filter) = filter {
            let problem =
                format!("compressed with {}, which the installed libhdf5 does not read", filter.label());
            return Err(Error::unsupported(problem));
        }
        let found = path_splits(dataset.path()).find_map(|(plain, _)| self.find(plain).transpose());
        let Some(found) = found.transpose()? else {
            return Err(Error::not_found("there is no such dataset"));
        };
        let native = self.native(&found)?;
        let plist = native.dcpl().map_err(|error| failed(&error))?;
        if plist.get_layout().map_err(|error| failed(&error))? == Layout::Virtual {
            return Err(Error::unsupported("it is a virtual dataset: its values lie in others"));
        }
        if !plist.get_external().map_err(|error| failed(&error))?.is_empty() {
            return Err(Error::unsupported("its values lie in other files"));
        }
        Ok(native)
    }
}

/// The kind of a link of a group.
fn link(group: &Group, wanted: &str) -> Result<Option<LinkType>> {
    if !group.link_exists(wanted) {
        return Ok(None);
    }
    let same = |name: &str, info: hdf5_metno::LinkInfo| Ok((name == wanted).then_some(info.link_type));
    group.find_link(IndexType::Name, IterationOrder::Native, same).map_err(|error| failed(&error))
}

fn description(native: &NativeDataset, path: &str, members: Vec<String>) -> Result<Description> {
    let failed = |error: hdf5_metno::Error| failed(&error);
    let space = native.space().map_err(failed)?;
    let datatype = types::datatype(&native.dtype().map_err(failed)?);
    let filters = native.filters().into_iter().map(|filter| {
        let (id, parameters) = match filter {
            hdf5_metno::filters::Filter::User(id, parameters) => (id, parameters),
            known => (known.id(), Vec::new()),
        };
        Filter { id: u16::try_from(id).unwrap_or(u16::MAX), name: String::new(), optional: false, parameters }
    });
    Ok(Description {
        path: path.to_owned(),
        shape: space.shape().iter().map(|&len| len as u64).collect(),
        null: space.is_null(),
        members,
        fill: fill(native, &datatype)?,
        filters: filters.collect(),
        attributes: attributes::all(native),
        datatype,
    })
}

/// The fill value that the writer chose, in the byte order of the type.
fn fill(native: &NativeDataset, datatype: &Datatype) -> Result<FillValue> {
    let failed = |error: hdf5_metno::Error| failed(&error);
    let plist = native.dcpl().map_err(failed)?;
    if plist.get_fill_value_defined().map_err(failed)? != NativeFill::UserDefined {
        return Ok(FillValue::default());
    }
    let Some(order) = datatype.order() else { return Ok(FillValue::default()) };
    macro_rules! bytes {
        ($t:ty) => {
            plist.get_fill_value_as::<$t>().map_err(failed)?.map(|value| value.to_le_bytes().to_vec())
        };
    }
    let bytes = match (types::number(datatype), datatype.size) {
        (Some(Number::Signed(_)), 1) => bytes!(i8),
        (Some(Number::Signed(_)), 2) => bytes!(i16),
        (Some(Number::Signed(_)), 4) => bytes!(i32),
        (Some(Number::Signed(_)), _) => bytes!(i64),
        (Some(Number::Unsigned(_)), 1) => bytes!(u8),
        (Some(Number::Unsigned(_)), 2) => bytes!(u16),
        (Some(Number::Unsigned(_)), 4) => bytes!(u32),
        (Some(Number::Unsigned(_)), _) => bytes!(u64),
        (Some(Number::Single), 2) => {
            let value = plist.get_fill_value_as::<f32>().map_err(failed)?;
            value.map(|value| types::half(value).to_le_bytes().to_vec())
        }
        (Some(Number::Single), _) => bytes!(f32),
        (Some(Number::Double), _) => bytes!(f64),
        _ => None,
    };
    let Some(mut bytes) = bytes else { return Ok(FillValue::default()) };
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    Ok(FillValue { bytes, user_defined: true })
}

impl Hdf5Reader for NativeFile {
    fn location(&self) -> &str {
        &self.location
    }

    fn datasets(&self, paths: &[&str]) -> Vec<Result<Option<Dataset>>> {
        paths.iter().map(|path| self.named(path, self.describe(path))).collect()
    }

    fn kinds(&self, paths: &[&str]) -> Vec<Result<Option<EntryKind>>> {
        let kind = |path: &str| Ok(self.find(path)?.map(|found| found.kind));
        paths.iter().map(|path| self.named(path, kind(path))).collect()
    }

    fn list(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Entry>>>> {
        paths.iter().map(|path| self.named(path, self.members(path))).collect()
    }

    fn attributes(&self, paths: &[&str]) -> Vec<Result<Option<Vec<Attribute>>>> {
        paths.iter().map(|path| self.named(path, self.attributes_of(path))).collect()
    }

    fn read_rows(&self, requests: &[RowRequest<'_>]) -> Vec<Result<Values>> {
        let read = |request: &RowRequest<'_>| {
            let native = self.readable(request.dataset)?;
            read::numbers(&native, &Part::of(request)?, read::number(&native)?)
        };
        requests.iter().map(|request| self.named(request.dataset.path(), read(request))).collect()
    }

    fn read_strings(&self, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>> {
        let read = || {
            let native = self.readable(dataset)?;
            let descriptor = native.dtype().and_then(|native| native.to_descriptor());
            let descriptor = descriptor.map_err(|error| failure::error(&error, "its type"))?;
            read::strings(&native, &Part::of(&RowRequest::new(dataset, rows))?, &descriptor)
        };
        self.named(dataset.path(), read())
    }
}

impl NativeFile {
    fn members(&self, path: &str) -> Result<Option<Vec<Entry>>> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        if found.kind != EntryKind::Group {
            return Err(Error::input("is a dataset where a group is expected"));
        }
        let group = self.file.group(&found.path).map_err(|error| failed(&error))?;
        let mut entries = Vec::new();
        let visit = |name: &str, info: hdf5_metno::LinkInfo| {
            entries.push((name.to_owned(), info.link_type));
            Ok(())
        };
        group.iter_visit(IndexType::Name, IterationOrder::Native, visit).map_err(|error| failed(&error))?;
        let mut entries: Vec<Entry> = entries
            .into_iter()
            .map(|(name, link)| {
                let target = match link {
                    LinkType::External => None,
                    _ => group.loc_info_by_name(&name).ok().filter(|found| found.fileno == self.number),
                };
                let kind = match target.map(|found| found.loc_type) {
                    Some(LocationType::Group) => EntryKind::Group,
                    Some(LocationType::Dataset) => EntryKind::Dataset,
                    Some(LocationType::NamedDatatype) => EntryKind::NamedType,
                    None => EntryKind::Unresolved,
                };
                Entry { name, kind }
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }

    fn attributes_of(&self, path: &str) -> Result<Option<Vec<Attribute>>> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        let object: Location = match found.kind {
            EntryKind::Dataset => self.native(&found)?.as_location().map_err(|error| failed(&error))?,
            EntryKind::Group => {
                let group = self.file.group(&found.path).map_err(|error| failed(&error))?;
                group.as_location().map_err(|error| failed(&error))?
            }
            _ => return Err(Error::unsupported("attributes of a named type, by the native reader")),
        };
        attributes::all(&object).map(Some)
    }
}
