//! Description of the machine, for reports.

use std::fmt;

use procfs::Current as _;

use crate::out::report::model::Machine;

impl Machine {
    /// Returns a description of this machine.
    pub fn here() -> Self {
        let processors = procfs::CpuInfo::current().ok();
        let model = processors.as_ref().and_then(|found| found.model_name(0));
        let memory = procfs::Meminfo::current().map_or(0, |found| found.mem_total);
        let system = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            cpu: model.unwrap_or("unknown processor").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory_bytes: memory,
            kernel: format!("{} {}", text(system.sysname()), text(system.release())),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        write!(f, "{} cores, {}, {gib:.0} GiB, {}", self.cores, self.cpu, self.kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_cores_memory_and_a_kernel() {
        let here = Machine::here();
        assert!(here.cores > 0 && here.memory_bytes > 1 << 24 && here.kernel.contains(' '));
    }
}
