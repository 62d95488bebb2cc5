//! Ownership of the store, so that only one server writes at a time.

/// This server's ownership of the store.
pub(in crate::store::redis) struct Owner {
    /// Random name of this owner. Every start has another one.
    pub(in crate::store::redis) token: String,
}
