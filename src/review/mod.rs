//! The plan: file changes, text diff, access diff and the words of a pull request. Pure.
