//! Times by how long they are.

/// How many times were at most so long, for each of some bounds, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    bounds: &'static [u64],
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
}

impl Times {
    /// None yet, with these upper bounds, that rise.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: vec![0; bounds.len()], count: 0, sum: 0 }
    }

    /// Takes notice of one more.
    pub fn observe(&mut self, milliseconds: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(milliseconds);
        let at = self.bounds.iter().position(|bound| milliseconds <= *bound);
        if let Some(bucket) = at.and_then(|at| self.buckets.get_mut(at)) {
            *bucket += 1;
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How long all of them were.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Each bound, with how many were at most so long.
    pub fn at_most(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut below = 0;
        self.bounds.iter().zip(&self.buckets).map(move |(bound, count)| {
            below += count;
            (*bound, below)
        })
    }
}
