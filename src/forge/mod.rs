//! Where pull requests live: the embedded forge.
