//! The life of a change on forges that are services: over their doubles, with people who review, comment, push and close.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    unreachable_pub,
    dead_code,
    reason = "all of this is a test"
)]

#[path = "hosted/away.rs"]
mod away;
#[path = "hosted/commands.rs"]
mod commands;
#[path = "life/desk.rs"]
mod desk;
#[path = "double/mod.rs"]
mod double;
#[path = "forge_contract/faulty.rs"]
mod faulty;
#[path = "hosted/guide.rs"]
mod guide;
#[path = "hosted/home.rs"]
mod home;
#[path = "hosted/hooks.rs"]
mod hooks;
#[path = "hosted/limits.rs"]
mod limits;
#[path = "hosted/lives.rs"]
mod lives;
#[path = "hosted/schedules.rs"]
mod schedules;
#[path = "hosted/ssh.rs"]
mod ssh;
