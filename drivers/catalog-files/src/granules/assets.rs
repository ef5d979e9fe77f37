//! Which files of an item are the granule.

/// Role of the assets that count.
pub(super) const ROLE: &str = "data";
/// Names of assets: on the archive's web server, in its bucket, on this machine.
pub(super) const KEYS: [&str; 3] = ["data", "data_s3", "data_file"];

/// A file of an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asset {
    /// Its name in the item, which archives do not keep stable.
    pub(super) key: String,
    /// Where it is.
    pub(super) href: String,
    /// What it is for.
    pub(super) roles: Vec<String>,
    /// Bytes.
    pub(super) size: Option<u64>,
}

impl Asset {
    fn is_data(&self) -> bool {
        match &self.roles[..] {
            [] => KEYS.contains(&self.key.as_str()),
            roles => roles.iter().any(|role| role == ROLE),
        }
    }

    /// Which of [`KEYS`] its href belongs to.
    fn place(&self) -> Option<usize> {
        match self.href.split_once("://") {
            Some(("https" | "http", _)) => Some(0),
            Some(("s3", _)) => Some(1),
            Some(("file", _)) | None => Some(2),
            Some(_) => None,
        }
    }
}

/// The files of the granule with this id on the archive's web server, in its bucket and on this machine.
pub(super) fn choose<'a>(id: &str, assets: &'a [Asset]) -> [Option<&'a Asset>; 3] {
    [0, 1, 2].map(|place| {
        let all = assets.iter().filter(|asset| asset.is_data() && asset.place() == Some(place));
        let all: Vec<&Asset> = all.collect();
        let only = |wanted: &dyn Fn(&Asset) -> bool| {
            let mut found = all.iter().copied().filter(|asset| wanted(asset));
            let first = found.next()?;
            found.all(|asset| asset.href == first.href).then_some(first)
        };
        only(&|_| true)
            .or_else(|| only(&|asset| asset.key == KEYS[place]))
            .or_else(|| only(&|asset| asset.href.rsplit('/').next() == Some(id)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(key: &str, href: &str, roles: &[&str]) -> Asset {
        Asset {
            key: key.into(),
            href: href.into(),
            roles: roles.iter().map(ToString::to_string).collect(),
            size: None,
        }
    }

    fn chosen(assets: &[Asset]) -> [Option<&str>; 3] {
        choose("a.h5", assets).map(|asset| asset.map(|asset| asset.href.as_str()))
    }

    #[test]
    fn role_and_scheme_decide_then_names() {
        let unstable = [
            asset("gov/nsidc", "https://x/a.h5", &["data"]),
            asset("s3_s3://nsidc", "s3://x/a.h5", &["data"]),
            asset("metadata", "https://x/a.xml", &["metadata"]),
            asset("other", "gs://x/a.h5", &["data"]),
        ];
        assert_eq!(chosen(&unstable), [Some("https://x/a.h5"), Some("s3://x/a.h5"), None]);
        let bands =
            [asset("red", "https://x/B4.tif", &["data"]), asset("nir", "https://x/B8.tif", &["data"])];
        assert_eq!(chosen(&bands), [None; 3]);
        let mut several = bands.to_vec();
        several.push(asset("x", "https://x/a.h5", &["data", "reflectance"]));
        assert_eq!(chosen(&several)[0], Some("https://x/a.h5"));
        several.push(asset("data", "https://x/b.h5", &["data"]));
        assert_eq!(chosen(&several)[0], Some("https://x/b.h5"));
        let bare = [asset("data", "/x/a.h5", &[]), asset("thumbnail", "/x/a.png", &[])];
        assert_eq!(chosen(&bare), [None, None, Some("/x/a.h5")]);
    }
}
