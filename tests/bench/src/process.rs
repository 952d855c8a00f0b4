//! The function's process. It is started as Lambda starts it, measured from /proc, and ended by its
//! own handle.
//!
//! Nothing here knows of Lambda; that is in `crate::environment`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The CPU that the function runs on, so that it has one CPU as at 1,769 MB. `None` means that
/// there is only one CPU, or no `taskset`.
pub(crate) type FunctionCpu = Option<&'static str>;

/// Keeps the harness on CPU 0, and returns the CPU for the function.
pub(crate) fn pin_harness() -> Result<FunctionCpu, String> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut taskset = Command::new("taskset");
    taskset
        .args(["-a", "-c", "-p", "0", &std::process::id().to_string()])
        .stdout(Stdio::null());
    if cpus > 1 && taskset.status().is_ok_and(|status| status.success()) {
        return Ok(Some("1"));
    }
    eprintln!("bench: there is only one CPU, or no taskset: harness and function share it");
    Ok(None)
}

/// A running function.
pub(crate) struct Process {
    child: Child,
    limit: Option<PathBuf>,
}

/// The resources that the process has used up to one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// The CPU time of its threads, in seconds.
    pub(crate) cpu: f64,
    /// The time that they were ready without a CPU, in seconds.
    pub(crate) waited: f64,
    /// The value of `VmHWM`, in MiB.
    pub(crate) peak_mib: f64,
}

impl Process {
    /// Starts the process with `environment` and no other variable.
    pub(crate) fn start(
        command: &[String],
        folder: &str,
        environment: &BTreeMap<String, String>,
        cpu: FunctionCpu,
        log: &Path,
    ) -> Result<Process, String> {
        let words = cpu
            .map(|cpu| ["taskset", "-c", cpu].map(str::to_owned))
            .into_iter()
            .flatten();
        let words: Vec<_> = words.chain(command.iter().cloned()).collect();
        let log = fs::File::create(log).and_then(|out| Ok((out.try_clone()?, out)));
        let (out, err) = log.map_err(|error| format!("the log of {}: {error}", words.join(" ")))?;
        let child = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(folder)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn();
        let child = child.map_err(|error| format!("{}: {error}", words.join(" ")))?;
        Ok(Process { child, limit: None })
    }

    /// How the process ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.child
            .try_wait()
            .ok()
            .flatten()
            .map(|status| format!("the process ended by itself: {status}"))
    }

    pub(crate) fn used(&self) -> Used {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut used = Used::default();
        for task in fs::read_dir(folder.join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            // The nanoseconds on a CPU, and those waiting for one.
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let mut numbers = text
                .split_whitespace()
                .filter_map(|word| word.parse::<f64>().ok());
            used.cpu += numbers.next().unwrap_or(0.0) / 1e9;
            used.waited += numbers.next().unwrap_or(0.0) / 1e9;
        }
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        });
        Used {
            peak_mib: peak.unwrap_or(0.0) / 1024.0,
            ..used
        }
    }

    /// Limits the process to the share of a CPU that Lambda gives at this memory size. 1,769 MB are
    /// one CPU (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
    pub(crate) fn limit_cpu(&mut self, memory_mb: u64) -> Result<(), String> {
        const PERIOD: u64 = 20_000;
        let quota = PERIOD * memory_mb / 1_769;
        let folder = cgroups().join(format!("campaign-sync-bench-{}", self.child.id()));
        let limit = || {
            fs::create_dir(&folder)?;
            if folder.join("cpu.cfs_period_us").exists() {
                fs::write(folder.join("cpu.cfs_period_us"), PERIOD.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())?;
            } else {
                fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD}"))?;
            }
            fs::write(folder.join("cgroup.procs"), self.child.id().to_string())
        };
        let limited: std::io::Result<()> = limit();
        self.limit = Some(folder);
        limited.map_err(|error| format!("cannot limit the CPU: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.limit {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn cgroups() -> &'static Path {
    let first = Path::new("/sys/fs/cgroup/cpu");
    if first.join("cgroup.procs").exists() {
        first
    } else {
        Path::new("/sys/fs/cgroup")
    }
}

/// Whether this user may limit the CPU of a process.
pub(crate) fn can_limit_cpu() -> bool {
    let folder = cgroups().join(format!("campaign-sync-bench-probe-{}", std::process::id()));
    if fs::create_dir(&folder).is_err() {
        return false;
    }
    let can = folder.join("cpu.cfs_quota_us").exists() || folder.join("cpu.max").exists();
    let _ = fs::remove_dir(&folder);
    can
}
