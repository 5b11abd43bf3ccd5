//! Values that know where they stand.

use serde::{Deserialize, Deserializer};

/// A value and where it begins; inside flattened and untagged types its place is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = serde_yaml::Spanned::deserialize(from)?;
        let [line, column] = [spanned.referenced.line(), spanned.referenced.column()]
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        Ok(Self { value: spanned.value, line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_a_list_stand_where_they_begin() {
        let list: Vec<Placed<u8>> = crate::yaml::from_str("- 1\n-   2\n# and\n- 3\n").unwrap();
        let places: Vec<_> = list.iter().map(|it| (it.value, it.line, it.column)).collect();
        assert_eq!(places, [(1, 1, 3), (2, 2, 5), (3, 4, 3)]);
    }
}
