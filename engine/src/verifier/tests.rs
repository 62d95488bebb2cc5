//! The pool: every caller gets its own verdict.
