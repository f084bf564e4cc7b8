//! The document as the heights of its files, to find the file of a row without a walk over all of them.

/// The rows of a file that was not read yet: its name, a remark that it is being read, and a gap.
pub(super) const UNREAD: usize = 3;

/// Heights with their sums, as a binary indexed tree (Fenwick 1994): changing one and finding a row cost the logarithm
/// of the number of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heights {
    each: Vec<usize>,
    /// `tree[i - 1]` sums the `i & -i` heights that end at `i`.
    tree: Vec<usize>,
}

impl Heights {
    pub fn new(each: Vec<usize>) -> Heights {
        let mut tree = each.clone();
        for at in 1..=tree.len() {
            let above = at + lowest_bit(at);
            if above <= tree.len() {
                tree[above - 1] += tree[at - 1];
            }
        }
        Heights { each, tree }
    }

    pub fn set(&mut self, position: usize, height: usize) {
        let before = std::mem::replace(&mut self.each[position], height);
        let mut at = position + 1;
        while at <= self.tree.len() {
            self.tree[at - 1] = self.tree[at - 1] + height - before;
            at += lowest_bit(at);
        }
    }

    pub fn of(&self, position: usize) -> usize {
        self.each.get(position).copied().unwrap_or(0)
    }

    /// The number of rows of all files.
    pub fn total(&self) -> usize {
        self.start_of(self.each.len())
    }

    /// The first row of a file: the heights of those before it.
    pub fn start_of(&self, position: usize) -> usize {
        let (mut sum, mut at) = (0, position);
        while at > 0 {
            sum += self.tree[at - 1];
            at -= lowest_bit(at);
        }
        sum
    }

    /// The position of the file that contains a row, and the row in it; none below the end.
    pub fn locate(&self, row: usize) -> Option<(usize, usize)> {
        let (mut position, mut rest) = (0, row);
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            let next = position + step;
            if next <= self.tree.len() && self.tree[next - 1] <= rest {
                position = next;
                rest -= self.tree[next - 1];
            }
            step /= 2;
        }
        (position < self.each.len()).then_some((position, rest))
    }
}

fn lowest_bit(n: usize) -> usize {
    n & n.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_found_as_by_walking_over_all_files(each in prop::collection::vec(0usize..9, 0..40), changes in prop::collection::vec((0usize..40, 0usize..9), 0..9)) {
            let mut heights = Heights::new(each.clone());
            let mut each = each;
            for (position, height) in changes {
                if position >= each.len() {
                    continue;
                }
                heights.set(position, height);
                each[position] = height;
            }
            prop_assert_eq!(heights.total(), each.iter().sum::<usize>());
            let walked = each.iter().enumerate().flat_map(|(position, &height)| (0..height).map(move |row| (position, row)));
            for (row, at) in walked.enumerate() {
                prop_assert_eq!(heights.locate(row), Some(at));
                prop_assert_eq!(heights.start_of(at.0) + at.1, row);
            }
            prop_assert_eq!(heights.locate(heights.total()), None);
        }
    }
}
