//! Reading the document of a plan, which may say anything.

use serde_json::{Map, Value};

use super::secrets::is_plain_server;
use super::{VERSION, WorkPlan};
use crate::config::StoreAccess;
use crate::error::{Error, Result};
use crate::product::pipeline_of;

/// Most tasks of a plan: each block has a hash in the document.
const MAX_TASKS: u64 = 100_000_000;

/// Most tasks of a block.
const MAX_PER_BLOCK: u64 = 1 << 16;

/// Most plugins that a plan may ask for.
const MAX_PLUGINS: usize = 1000;

/// Takes a document apart.
pub(super) fn read(document: &mut Map<String, Value>) -> Result<WorkPlan> {
    if document.get("version") != Some(&VERSION.into()) {
        return Err(Error::unsupported(match document.get("version").and_then(Value::as_u64) {
            Some(version) => {
                format!("version {version} is not known; it was made by another version of zagg")
            }
            None => "is not a plan; make one with zagg plan".into(),
        }));
    }
    let access = match document.get("store_access") {
        Some(Value::Object(access)) => StoreAccess {
            region: optional(access, "region")?,
            endpoint_url: optional(access, "endpoint_url")?,
        },
        _ => return Err(damaged("store_access")),
    };
    let Some(Value::Object(how)) = document.shift_remove("data_source") else {
        return Err(damaged("data_source"));
    };
    let product =
        document.shift_remove("product").filter(Value::is_object).ok_or_else(|| damaged("product"))?;
    let driver = document.get("driver").cloned().unwrap_or_default();
    Ok(WorkPlan {
        zagg: text(document, "zagg")?,
        store: text(document, "store")?,
        store_access: access,
        driver: serde_json::from_value(driver).map_err(|_| damaged("driver"))?,
        identity: text(document, "identity")?,
        tasks: number(document, "tasks")?,
        tasks_per_block: number(document, "tasks_per_block")?,
        blocks: texts(document, "blocks")?,
        plugins: texts(document, "plugins")?,
        pipeline: pipeline_of(&product, &how).map_err(|error| error.context("product"))?,
        how,
        product,
    })
}

/// Checks what entries may say.
pub(super) fn check(plan: &WorkPlan) -> Result<()> {
    if !is_text(&plan.zagg, 64) {
        return Err(damaged("zagg"));
    }
    let absolute = ["/", "s3://", "file:///"].iter().any(|start| plan.store.starts_with(start))
        || std::path::Path::new(&plan.store).is_absolute();
    if !is_text(&plan.store, 4096) || !absolute {
        return Err(Error::corrupt(
            "the entry \"store\" is no place that every worker finds: an absolute path or s3://bucket/folder",
        ));
    }
    check_access(&plan.store_access.region, &plan.store_access.endpoint_url, "store_access")?;
    let source = &plan.pipeline.data_source.access;
    check_access(&source.region, &source.endpoint_url, "data_source.access")?;
    if !is_hash(&plan.identity) {
        return Err(damaged("identity"));
    }
    if !(1..=MAX_TASKS).contains(&plan.tasks) {
        return Err(damaged("tasks"));
    }
    if !(1..=MAX_PER_BLOCK).contains(&plan.tasks_per_block) {
        return Err(damaged("tasks_per_block"));
    }
    let blocks = plan.tasks.div_ceil(plan.tasks_per_block);
    if plan.blocks.len() as u64 != blocks || !plan.blocks.iter().all(|hash| is_hash(hash)) {
        return Err(damaged("blocks"));
    }
    if plan.plugins.len() > MAX_PLUGINS || !plan.plugins.iter().all(|plugin| is_text(plugin, 300)) {
        return Err(damaged("plugins"));
    }
    Ok(())
}

fn check_access(region: &Option<String>, endpoint: &Option<String>, key: &str) -> Result<()> {
    let region = region.as_deref().is_none_or(|region| is_text(region, 100));
    let endpoint = endpoint.as_deref().is_none_or(|url| is_text(url, 4096) && is_plain_server(url));
    if region && endpoint {
        return Ok(());
    }
    // What it says is not repeated: it may hold a password.
    Err(Error::corrupt(format!(
        "{key:?} names no region or no plain http:// or https:// server; a plan holds no keys"
    )))
}

fn is_text(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.contains(char::is_control)
}

/// Whether a text is a SHA-256 in lower-case hexadecimal.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn optional(map: &Map<String, Value>, key: &str) -> Result<Option<String>> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(damaged(key)),
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Result<String> {
    map.get(key).and_then(Value::as_str).map(str::to_string).ok_or_else(|| damaged(key))
}

fn number(map: &Map<String, Value>, key: &str) -> Result<u64> {
    map.get(key).and_then(Value::as_u64).ok_or_else(|| damaged(key))
}

fn texts(map: &Map<String, Value>, key: &str) -> Result<Vec<String>> {
    let items = map.get(key).and_then(Value::as_array).ok_or_else(|| damaged(key))?;
    items.iter().map(|item| item.as_str().map(str::to_string).ok_or_else(|| damaged(key))).collect()
}

fn damaged(key: &str) -> Error {
    Error::corrupt(format!("the entry {key:?} is damaged; plan again"))
}
