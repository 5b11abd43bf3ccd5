//! Git: the mirror, trees, commits, refs, and the git program for the network.
