//! Laws that every set of policies keeps, on random ones.

mod arbitrary;
mod decisions;
mod languages;
mod matrix;
mod naive;
mod permissions;
mod ztunnel;
