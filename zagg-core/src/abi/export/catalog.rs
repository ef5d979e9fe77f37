//! A catalog behind its twin.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::RSlice;

use super::super::traits::{self, AbiCatalog, AbiCatalog_TO};
use super::super::types::{Answer, Packed};
use super::super::wire::{decode, encode};
use super::guard::{Held, guard};
use super::host::HostContext;
use crate::catalog::Catalog;
use crate::registry::Plugin;

struct CatalogTwin {
    plugin: &'static Plugin,
    catalog: Held<dyn Catalog>,
}

pub(super) fn export(plugin: &'static Plugin, catalog: Box<dyn Catalog>) -> traits::Catalog {
    AbiCatalog_TO::from_value(CatalogTwin { plugin, catalog: Held::new(catalog) }, TD_Opaque)
}

impl AbiCatalog for CatalogTwin {
    fn search(&self, query: RSlice<'_, u8>, context: traits::Context<'_>) -> Answer<Packed> {
        guard(self.plugin, "Catalog::search", || {
            let found = self.catalog.get()?.search(&decode(&query)?, &HostContext(context))?;
            Ok(encode(&found).into())
        })
    }
}
