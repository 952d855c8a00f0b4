//! The order in which a copy deletes the messages that it received by itself: a state machine
//! without I/O.
//!
//! A message is deleted only after all earlier messages of its group. Suppose that a group holds an
//! opt-in without a rank and then an opt-out, and that only the opt-out is deleted: the opt-in
//! comes back and is applied again, after the opt-out.

use std::collections::{BTreeMap, VecDeque};

/// How many times one delete is tried.
const TRIES: u32 = 2;

/// The messages to delete. `T` is whatever identifies a message to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion<T> {
    groups: Vec<VecDeque<T>>,
    /// How many deletes of the first message of a group failed in a row.
    tries: BTreeMap<usize, u32>,
}

impl<T: Clone> Deletion<T> {
    /// Each group must be in queue order.
    pub fn new(groups: impl IntoIterator<Item = Vec<T>>) -> Deletion<T> {
        let groups = groups.into_iter().map(VecDeque::from);
        Deletion {
            groups: groups.filter(|group| !group.is_empty()).collect(),
            tries: BTreeMap::new(),
        }
    }

    /// The messages to delete now: the first of each group, with the number of the group. It is
    /// empty once nothing is left.
    pub fn round(&self) -> Vec<(usize, T)> {
        let first = |(number, group): (usize, &VecDeque<T>)| Some((number, group.front()?.clone()));
        self.groups.iter().enumerate().filter_map(first).collect()
    }

    /// Records the result for the first message of a group. After two failures the rest of the
    /// group is left in the queue, and it comes back in its order.
    pub fn saw(&mut self, group: usize, is_deleted: bool) {
        let tries = self.tries.entry(group).or_default();
        let Some(messages) = self.groups.get_mut(group) else {
            return;
        };
        if is_deleted {
            *tries = 0;
            messages.pop_front();
        } else {
            *tries += 1;
            if *tries >= TRIES {
                messages.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(deletion: &mut Deletion<&'static str>, failed: &[&str]) -> Vec<&'static str> {
        let round = deletion.round();
        for (group, message) in &round {
            deletion.saw(*group, !failed.contains(message));
        }
        round.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn no_message_is_deleted_beside_or_before_an_earlier_one_of_its_group() {
        let mut deletion = Deletion::new([vec!["a1", "a2", "a3"], vec![], vec!["b1"]]);
        assert_eq!(round(&mut deletion, &[]), ["a1", "b1"]);
        assert_eq!(round(&mut deletion, &[]), ["a2"]);
        assert_eq!(round(&mut deletion, &[]), ["a3"]);
        assert!(deletion.round().is_empty());
    }

    #[test]
    fn a_delete_that_fails_is_tried_again_then_left_with_all_later_ones_of_its_group() {
        let mut deletion = Deletion::new([vec!["a1", "a2"], vec!["b1", "b2"]]);
        assert_eq!(round(&mut deletion, &["a1", "b1"]), ["a1", "b1"]);
        assert_eq!(round(&mut deletion, &["a1"]), ["a1", "b1"]);
        assert_eq!(round(&mut deletion, &[]), ["b2"]);
        assert!(deletion.round().is_empty());
    }
}
