//! Where granule indexes are kept: `data_source.index`.

use super::section::{Fault, Section};

/// Where granule indexes are kept, and what happens when one is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOptions {
    /// A folder or `s3://bucket/prefix`.
    pub store: String,
    /// What happens when a granule has no index there, or one of another version of the granule.
    pub on_miss: OnMiss,
}

/// What happens when a granule has no valid index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMiss {
    /// The granule is read, and its index written.
    Build,
    /// The granule is read, nothing is written.
    #[default]
    Read,
    /// The granule is a hole.
    Error,
}

impl IndexOptions {
    /// Reads the section; `None` when nothing is kept. The original's `backend` and spellings are accepted.
    pub(super) fn read(data_source: &mut Section<'_>) -> Result<Option<Self>, Fault> {
        let Some(mut section) = data_source.section("index")? else { return Ok(None) };
        let backend = section.string("backend")?;
        let store = section.string("store")?;
        let on_miss = match section.string("on_miss")?.as_deref() {
            None => None,
            Some("build") => Some(OnMiss::Build),
            Some("read" | "fallback") => Some(OnMiss::Read),
            Some("error") => Some(OnMiss::Error),
            Some(other) => {
                return Err(
                    section.fault("on_miss", format!("unknown {other:?}; there are build, read, error"))
                );
            }
        };
        let write_back = section.boolean("write_back")?.unwrap_or(false);
        let default = if write_back { OnMiss::Build } else { OnMiss::Read };
        let keeps = match backend.as_deref() {
            None | Some("sidecar") => true,
            // The original's names for reading without an index; `inline` may write what it found.
            Some("inline") => write_back,
            Some("hierarchical") => false,
            Some(other) => {
                return Err(section.fault(
                    "backend",
                    format!("unknown {other:?}; there are sidecar, inline, hierarchical; leave it out"),
                ));
            }
        };
        section.finish()?;
        match (keeps, store) {
            (true, Some(store)) if !store.is_empty() => {
                Ok(Some(Self { store, on_miss: on_miss.unwrap_or(default) }))
            }
            (true, _) => {
                Err(section.fault("store", "is missing: the folder or s3://bucket/prefix of indexes"))
            }
            (false, _) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_text;

    fn read(section: &str) -> Result<Option<IndexOptions>, String> {
        let text = format!(
            "data_source: {{variables: {{h: /h}}, index: {section}}}\naggregation: {{variables: {{n: {{function: len}}}}}}\n\
             output: {{grid: {{type: healpix}}}}\n"
        );
        parse_text("p.yaml", &text)
            .map(|pipeline| pipeline.data_source.index)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn our_spellings_and_those_of_the_original() {
        for (section, want) in [
            ("null", None),
            ("{store: a}", Some(OnMiss::Read)),
            ("{store: a, on_miss: build}", Some(OnMiss::Build)),
            ("{store: a, on_miss: error}", Some(OnMiss::Error)),
            ("{store: a, on_miss: fallback}", Some(OnMiss::Read)),
            ("{backend: sidecar, store: a, on_miss: build}", Some(OnMiss::Build)),
            ("{backend: inline}", None),
            ("{backend: inline, store: a}", None),
            ("{backend: inline, store: a, write_back: true}", Some(OnMiss::Build)),
            ("{backend: hierarchical}", None),
        ] {
            let want = want.map(|on_miss| IndexOptions { store: "a".into(), on_miss });
            assert_eq!(read(section), Ok(want), "{section}");
        }
    }

    #[test]
    fn faults_name_the_key() {
        for (section, want) in [
            ("{}", "data_source.index.store: is missing: the folder or s3://bucket/prefix of indexes"),
            ("{store: ''}", "data_source.index.store: is missing"),
            ("{backend: sidecar}", "data_source.index.store: is missing"),
            (
                "{store: a, on_miss: never}",
                "data_source.index.on_miss: unknown \"never\"; there are build, read, error",
            ),
            ("{store: a, backend: other}", "data_source.index.backend: unknown \"other\"; there are sidecar"),
            ("{store: a, stor: b}", "data_source.index.stor: unknown key; did you mean \"store\"?"),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(want), "{section}: {error}");
        }
    }
}
