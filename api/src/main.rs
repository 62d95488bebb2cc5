//! The `countersign` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Requests live by many small allocations on several threads: `benches/README.md` has the figures.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
