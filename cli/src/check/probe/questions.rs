//! The questions of a probe: what is asked, what campaign-sync assumes, and what any other answer
//! means for the operator (docs/genesys-cloud.md "Unknown").
//!
//! To add a question, add a [`Question`] and its row of the [`TABLE`], ask it in
//! [`asking`](super::asking), and decide what its answers say in [`judge`](super::judge).

use Question::{
    AnswerOrder, Budget, Duplicates, IdCase, IdCharacters, IdLength, PostCallable, PostColumns,
    PostSubset, PutCallable, PutColumns, PutSubset, ReadAfterCreate, ReadAfterUpdate,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    PostCallable,
    PutCallable,
    PostSubset,
    PostColumns,
    PutSubset,
    PutColumns,
    IdCharacters,
    IdLength,
    IdCase,
    Duplicates,
    AnswerOrder,
    ReadAfterCreate,
    ReadAfterUpdate,
    Budget,
}

impl Question {
    /// The questions that are about the contacts that are made first.
    pub(super) const OF_CONTACTS: [Question; 10] = [
        PostCallable,
        PutCallable,
        PostSubset,
        PostColumns,
        PutSubset,
        PutColumns,
        IdCase,
        AnswerOrder,
        ReadAfterCreate,
        ReadAfterUpdate,
    ];
}

/// A question as it is printed.
pub(super) struct QuestionRow {
    pub(super) question: Question,
    /// The name of the question in `--json`. It never changes.
    pub(super) id: &'static str,
    pub(super) asks: &'static str,
    pub(super) assumed: &'static str,
    /// The meaning of any other answer for the operator.
    pub(super) meaning: &'static str,
    /// Whether any other answer asks the operator to do something.
    pub(super) matters: bool,
}

/// The answer to a question, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    AsAssumed(String),
    /// The answer is as assumed, and the operator should still know what the row's `meaning` says.
    AsFarAsAssumed(String),
    Differs(String),
    /// The question stays open: why.
    NotFoundOut(String),
}

impl Finding {
    pub(super) fn is(is_as_assumed: bool, seen: impl Into<String>) -> Finding {
        if is_as_assumed {
            Finding::AsAssumed(seen.into())
        } else {
            Finding::Differs(seen.into())
        }
    }

    pub(super) fn not_found_out(why: impl Into<String>) -> Finding {
        Finding::NotFoundOut(why.into())
    }
}

/// Every question, in the order in which they are printed. What may do harm comes first.
pub(super) const TABLE: [QuestionRow; 14] = [
    QuestionRow {
        question: PostCallable,
        id: "postCallable",
        asks: "an opt-out, POST without callable",
        assumed: "stays uncallable",
        meaning: "campaign-sync says callable: false for each contact that it read as uncallable, so an opt-out \
                  stays. A contact that the dialler or an agent makes uncallable between that read and the write is \
                  callable again: put opt-outs on a DNC list too",
        matters: true,
    },
    QuestionRow {
        question: PutCallable,
        id: "putCallable",
        asks: "an opt-out, PUT without callable",
        assumed: "stays uncallable",
        meaning: "campaign-sync makes no PUT. Other programs of yours that do must send callable: false for contacts \
                  that opted out",
        matters: false,
    },
    QuestionRow {
        question: PostSubset,
        id: "postSubset",
        asks: "a POST without one of the columns",
        assumed: "is refused",
        meaning: "this does not matter to campaign-sync, which sends every column. Another program that leaves \
            one out gets no error",
        matters: false,
    },
    QuestionRow {
        question: PostColumns,
        id: "postColumns",
        asks: "a column that a POST leaves out",
        assumed: "is emptied, or none may be left out",
        meaning: "this does not matter to campaign-sync, which sends every column, and empty text for one that is cleared",
        matters: false,
    },
    QuestionRow {
        question: PutSubset,
        id: "putSubset",
        asks: "a PUT without one of the columns",
        assumed: "is taken",
        meaning: "campaign-sync makes no PUT. Other programs of yours that do must send every column",
        matters: false,
    },
    QuestionRow {
        question: PutColumns,
        id: "putColumns",
        asks: "a column that a PUT leaves out",
        assumed: "is emptied, or none may be left out",
        meaning: "campaign-sync makes no PUT. Other programs of yours that do clear a column with empty text alone",
        matters: false,
    },
    QuestionRow {
        question: IdCharacters,
        id: "idCharacters",
        asks: "special characters in an id",
        assumed: "taken: _. at least",
        meaning: "keys that hold a refused character are parked as rejected: let the CRM send none, and say so in \
                  contactKeyPattern",
        matters: true,
    },
    QuestionRow {
        question: IdLength,
        id: "idLength",
        asks: "the longest id",
        assumed: "255 characters",
        meaning: "a change with a longer contact key is parked as rejected: let the CRM send shorter keys, and say so \
                  in contactKeyPattern",
        matters: true,
    },
    QuestionRow {
        question: IdCase,
        id: "idCase",
        asks: "a difference in case",
        assumed: "makes two contacts",
        meaning: "campaign-sync keeps keys that differ in case as two contacts, each in a message group of its own. They \
                  are one here, whose changes are not kept in order: let the CRM send each key in one case, and say so \
                  in contactKeyPattern",
        matters: true,
    },
    QuestionRow {
        question: Duplicates,
        id: "duplicates",
        asks: "an id that stands twice in a POST",
        assumed: "is refused",
        meaning: "this does not matter to campaign-sync, which sends each id once in a call",
        matters: false,
    },
    QuestionRow {
        question: AnswerOrder,
        id: "answerOrder",
        asks: "contacts in the answer to a POST",
        assumed: "are as they were sent",
        meaning: "this does not matter to campaign-sync, which finds each contact by its id",
        matters: false,
    },
    QuestionRow {
        question: ReadAfterCreate,
        id: "readAfterCreate",
        asks: "a new contact is read",
        assumed: "at once",
        meaning: "put this time and a margin into readLagSeconds of the org's secret, at most 60 \
            (docs/which-api.md). Without it, a change that comes within this time treats the contact as new and \
            empties the columns that it does not name. callable: false is not seen within this time either",
        matters: true,
    },
    QuestionRow {
        question: ReadAfterUpdate,
        id: "readAfterUpdate",
        asks: "an update is read",
        assumed: "at once",
        meaning: "say this time, and a margin, as readLagSeconds in the org's secret, 60 at most (docs/which-api.md). \
                  Without that a change that comes within it is compared with old values, and can undo the update. Nor \
                  is callable: false seen within it",
        matters: true,
    },
    QuestionRow {
        question: Budget,
        id: "budget",
        asks: "a minute's calls, of two tokens",
        assumed: "are shared",
        meaning: "campaign-sync takes the budget for the client's, which is safe: it follows the count that the \
            service reports, and if there is none it uses less than the whole budget",
        matters: false,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_question_stands_once_and_has_its_own_id() {
        let questions: BTreeSet<_> = TABLE.iter().map(|row| row.question).collect();
        let ids: BTreeSet<_> = TABLE.iter().map(|row| row.id).collect();
        assert_eq!((questions.len(), ids.len()), (14, 14));
    }

    #[test]
    fn a_question_about_what_campaign_sync_never_does_asks_nothing_of_the_operator() {
        let is_none_of_its_own = |row: &&QuestionRow| {
            row.meaning.starts_with("campaign-sync makes no ")
                || row.meaning.starts_with("this does not matter ")
        };
        let harmless: Vec<_> = TABLE.iter().filter(is_none_of_its_own).collect();
        assert_eq!(harmless.len(), 7);
        assert!(harmless.iter().all(|row| !row.matters));
    }
}
