//! Plugins outside this program, over gRPC (`proto/meshwright/plugin/v1`).

mod book;
mod breaker;
mod cause;
mod corked;
mod described;
mod dialer;
mod entry;
mod fault;
mod intake;
mod kind;
mod link;
mod pieces;
mod pool;
mod quota;
mod reading;
mod target;
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]
mod v1;
mod value;
mod wire;

pub use pool::{Directory, Pool};
pub use target::{DEADLINE, Target, Tls, Unreachable};
