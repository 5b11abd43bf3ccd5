//! What every journal promises, and what only a file can break.

mod contract;
mod damaged;
mod full;
mod killed;
mod model;
mod samples;
