//! What the machine is.

use std::fmt;
use std::fs::read_to_string;

use crate::out::report::model::Machine;

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        let memory = read_to_string("/proc/meminfo").unwrap_or_default();
        let total = memory.lines().find_map(|line| {
            let kib = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
            kib.trim().parse::<u64>().ok()
        });
        let system = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            cpu: model.map_or("unknown processor", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory_bytes: total.unwrap_or(0) * 1024,
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
