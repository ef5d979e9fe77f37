//! End-to-end, interoperability and conformance tests.
