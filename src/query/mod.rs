//! Status and other answers over snapshots.
