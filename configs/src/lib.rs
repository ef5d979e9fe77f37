//! Pipelines that ship with zagg.
