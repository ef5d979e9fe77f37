//! Pipelines that use a plugin: what its things are made with.

use std::path::PathBuf;

use serde_json::Map;
use zagg_core::catalog::Query;
use zagg_core::config::{Computation, Layer, Layers, Pipeline};
use zagg_core::registry::{Kind, Make, Registered, Registry};
use zagg_core::statistic::{StatisticRequest, VariableKind};
use zagg_core::{DType, Result};

use crate::pipeline::read_text;

/// The presets of one plugin and the pipelines of the user, each with what it is called.
pub(super) struct Samples(Vec<(String, Pipeline)>);

impl Samples {
    /// Presets that cannot be read are passed over: they are checked themselves.
    ///
    /// # Errors
    /// When a file of the user is no pipeline.
    pub(super) fn new(registry: &Registry, plugin: &Registered, files: &[PathBuf]) -> Result<Self> {
        let mut samples = Vec::new();
        for path in files {
            let name = path.display().to_string();
            samples.push((name.clone(), parse(&name, &read_text(path)?)?));
        }
        for r in registry.entries().filter(|r| (r.plugin, r.origin) == (plugin.plugin, plugin.origin)) {
            if let Make::Preset(text) = r.entry.make {
                let name = format!("preset {}", r.entry.name);
                samples.extend(parse(&name, text).ok().map(|pipeline| (name, pipeline)));
            }
        }
        Ok(Self(samples))
    }

    /// Options for a source or a grid, with the pipeline they are from.
    pub(super) fn options(&self, entry: &Registered) -> Vec<(&str, &Map<String, serde_json::Value>)> {
        let of = |pipeline: &'_ Pipeline| match entry.entry.make.kind() {
            Kind::Source => pipeline.data_source.reader.clone(),
            _ => pipeline.output.grid_type.clone(),
        };
        let named = self.0.iter().filter(|(_, pipeline)| is_called(entry, &of(pipeline)));
        named
            .map(|(name, pipeline)| {
                let options = match entry.entry.make.kind() {
                    Kind::Source => &pipeline.data_source.options,
                    _ => &pipeline.output.grid,
                };
                (name.as_str(), options)
            })
            .collect()
    }

    /// Queries for a catalog, with the pipeline they are from.
    pub(super) fn queries(&self, entry: &Registered) -> Vec<(String, Query)> {
        let asks = |pipeline: &Pipeline| {
            pipeline.catalog.source.as_deref().is_some_and(|name| is_called(entry, name))
        };
        let query = |pipeline: &Pipeline| {
            let asked = &pipeline.catalog;
            let mut options = Map::new();
            options.extend(asked.endpoint.clone().map(|endpoint| ("endpoint".to_owned(), endpoint.into())));
            Query {
                short_name: asked.short_name.clone(),
                version: asked.version.clone(),
                provider: asked.provider.clone(),
                options,
                ..Query::default()
            }
        };
        let asking = self.0.iter().filter(|(_, pipeline)| asks(pipeline));
        asking.map(|(name, pipeline)| (name.clone(), query(pipeline))).collect()
    }

    /// Requests for a statistic, with the pipeline and variable they are from.
    pub(super) fn requests(&self, entry: &Registered) -> Vec<(String, StatisticRequest)> {
        let mut requests = Vec::new();
        for (name, pipeline) in &self.0 {
            for variable in &pipeline.aggregation.variables {
                let Computation::Function { name: function, source, params } = &variable.computation else {
                    continue;
                };
                if is_called(entry, function) {
                    let request = StatisticRequest {
                        variable: variable.name.clone(),
                        function: function.clone(),
                        source: source.clone().or_else(|| Some("x".into())),
                        source_dtype: None,
                        params: params.clone(),
                        kind: variable.kind,
                        shape: variable.shape.clone(),
                    };
                    requests.push((format!("{name}, variable {}", variable.name), request));
                }
            }
        }
        requests
    }
}

fn is_called(entry: &Registered, name: &str) -> bool {
    entry.entry.name == name || entry.entry.aliases.contains(&name)
}

/// A pipeline of one text.
pub(super) fn parse(name: &str, text: &str) -> Result<Pipeline> {
    let mut layers = Layers::default();
    layers.push(Layer::parse(name, text)?);
    Pipeline::parse(&layers)
}

/// The plainest request for a statistic: no parameters, over a column of floats.
pub(super) fn plain_requests(name: &str) -> Vec<StatisticRequest> {
    let request = |kind| StatisticRequest {
        variable: "value".into(),
        function: name.into(),
        source: Some("x".into()),
        source_dtype: Some(DType::Float64),
        params: Map::new(),
        kind,
        shape: None,
    };
    [VariableKind::Scalar, VariableKind::Vector, VariableKind::Ragged].map(request).into()
}
