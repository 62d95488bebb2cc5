//! Adapters that remember.
