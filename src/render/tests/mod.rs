//! Bundles in, manifests out: one file of tests per pattern.
