//! Laws that every set of policies keeps, on random ones.

mod arbitrary;
mod decisions;
mod languages;
mod naive;
mod permissions;
