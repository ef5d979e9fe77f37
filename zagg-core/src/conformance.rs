//! Conformance: one public function for each trait, which every implementation must pass.
