//! Keeping what a process knows from being written down when it crashes.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Has no core dump made of this process, not even by a program that the system hands dumps to: its memory holds the
/// tokens and keys that it signs in with. The programs that it starts inherit the limit.
pub fn forbid_core_dumps() {
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let limited = limited.and(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable));
    if let Err(error) = limited {
        tracing::warn!(%error, "a crash may leave a core dump, which holds secrets");
    }
}
