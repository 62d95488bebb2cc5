//! Adapters that wake a device.
