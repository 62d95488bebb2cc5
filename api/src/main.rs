//! The `countersign` program.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Parked polls hold little more than they have written to: `benches/README.md` has the figures.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
