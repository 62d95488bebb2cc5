//! The `countersign` program.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// We use jemalloc, because with it parked polls keep little more memory than they have written to.
/// `benches/README.md` has the figures.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
