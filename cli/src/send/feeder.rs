//! Fills the queue with changes, no deeper than it should be.
//!
//! Calls to SQS run side by side, and the changes of one contact keep their order: `domain::outbox`
//! decides which message goes into which call, and `io::queue::Sending` makes the calls. The
//! [`Feeder`] asks for the depth of the queue, waits while it is deep, shows progress, and stops
//! when it is asked to. It does not look into a change: every one was checked before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Change;
use domain::outbox::{MAX_ENTRIES_PER_CALL, Outbox};
use indicatif::{ProgressBar, ProgressStyle};
use io::Clock;
use io::queue::{Limits, Message, Queue, SIDE_BY_SIDE, Sending, room};
use jiff::{SignedDuration, Timestamp};

use crate::table::{are, counted, number};

/// The shortest time between two looks at the depth of the queue: its counts lag.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_secs(5);
/// How long a look at the depth is relied on. Meanwhile the queue drains.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// A message that the queue does not accept is sent up to six times: again after half a second,
/// one, two, four and eight.
const LIMITS: Limits = Limits {
    calls: SIDE_BY_SIDE,
    tries: 6,
};
/// The longest sleep, so that Ctrl-C takes effect soon.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_millis(500);
/// The time between two lines of progress if there is no terminal.
const BETWEEN_LINES: SignedDuration = SignedDuration::from_secs(30);

/// The change of a row; `None` means that the queue has it already.
pub(super) type ToSend = Option<Change>;

/// Fills the queue, no deeper than it should be.
pub(super) struct Feeder<'a> {
    queue: &'a dyn Queue,
    queue_url: &'a str,
    sending: Sending<'a>,
    /// The most messages that the queue should hold.
    deepest: u64,
    clock: Clock,
    /// How many messages the queue had room for at the last look, less those that were sent since.
    room: usize,
    asked_at: Option<Timestamp>,
    /// How many rows are in the queue.
    done: u64,
    /// How many rows the file has.
    rows: u64,
    bar: ProgressBar,
    is_asked_to_stop: &'a AtomicBool,
    told_at: Timestamp,
}

impl Drop for Feeder<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl<'a> Feeder<'a> {
    /// `done` of the file's `rows` are in the queue already.
    pub(super) fn new(
        queue: &'a dyn Queue,
        queue_url: &'a str,
        deepest: u64,
        (done, rows): (u64, u64),
        is_asked_to_stop: &'a AtomicBool,
    ) -> Feeder<'a> {
        let clock = Clock::system();
        let (told_at, bar) = (clock.now(), progress_bar(rows));
        Feeder {
            queue,
            queue_url,
            sending: Sending::new(queue, queue_url, LIMITS),
            deepest,
            clock,
            room: 0,
            asked_at: None,
            done,
            rows,
            bar,
            is_asked_to_stop,
            told_at,
        }
    }

    /// Sends the rows as fast as the queue has room for them. Each answer of SQS calls `saw` with
    /// the number of rows that it accepted.
    ///
    /// # Errors
    /// Why not all rows were sent. No call is under way then, and `saw` knows of every row that
    /// SQS said it has.
    pub(super) async fn feed(
        &mut self,
        rows: impl Iterator<Item = Result<ToSend, String>>,
        mut saw: impl FnMut(&Outbox<Message>, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut rows, mut broken) = (rows.fuse(), None);
        loop {
            while broken.is_none() && self.sending.outbox().has_room() {
                match rows.next() {
                    Some(Ok(row)) => self.sending.push(row.as_ref()),
                    Some(Err(why)) => broken = Some(why),
                    None => break,
                }
            }
            self.show_progress();
            if broken.is_none() {
                self.begin();
            }
            if let Some(taken) = self.sending.answered(|| self.clock.now()).await {
                self.done += taken.len() as u64;
                if let Err(why) = saw(self.sending.outbox(), taken.len()) {
                    broken.get_or_insert(why);
                }
                continue;
            }
            let outbox = self.sending.outbox();
            if !outbox.faulty().is_empty() {
                return Err("SQS refuses a change".to_owned());
            }
            if let Some(why) = outbox.why().map(str::to_owned).or(broken.take()) {
                return Err(why);
            }
            if outbox.is_empty() {
                return Ok(());
            }
            self.check_stop()?;
            self.wait().await?;
        }
    }

    /// Whether the queue may hold rows that are not known to be there.
    pub(super) fn is_unknown(&self) -> bool {
        self.sending.outbox().is_unknown()
    }

    /// Begins as many calls as the queue has room for.
    fn begin(&mut self) {
        let now = self.clock.now();
        let is_fresh = |asked_at| now.duration_since(asked_at) < FRESH;
        if !self.asked_at.is_some_and(is_fresh) {
            return;
        }
        // Each call waits for room for ten messages, or for all that are left: with less room,
        // calls would hold few messages each.
        let call = (self.rows - self.done).min(MAX_ENTRIES_PER_CALL as u64) as usize;
        while self.check_stop().is_ok() && self.room >= call {
            let begun = self.sending.begin(now, self.room);
            if begun == 0 {
                break;
            }
            self.room = self.room.saturating_sub(begun);
            self.bar.set_message("");
        }
    }

    /// Waits, for a short while, until a message may be sent again or the depth may be asked again;
    /// then asks.
    async fn wait(&mut self) -> Result<(), String> {
        let now = self.clock.now();
        let due = self.sending.outbox().due().filter(|due| *due > now);
        let next_look = self.asked_at.map(|asked_at| asked_at + BETWEEN_LOOKS);
        if let Some(then) = due.or(next_look.filter(|look| *look > now)) {
            if due.is_none() {
                self.bar.set_message("the queue is deep: waiting");
            }
            let wait = then.duration_since(now).min(LONGEST_SLEEP);
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
            return Ok(());
        }
        let room = room(self.queue, self.queue_url, self.deepest).await;
        let room = room.map_err(|error| error.to_string())?;
        (self.room, self.asked_at) = (room, Some(now));
        Ok(())
    }

    /// Fails if the run was asked to stop.
    fn check_stop(&self) -> Result<(), String> {
        if self.is_asked_to_stop.load(Ordering::Relaxed) {
            Err("interrupted".to_owned())
        } else {
            Ok(())
        }
    }

    fn show_progress(&mut self) {
        let sent = self.done;
        self.bar.set_position(sent);
        // A line stands in for a bar that nobody sees.
        let now = self.clock.now();
        if self.bar.is_hidden() && now.duration_since(self.told_at) >= BETWEEN_LINES {
            self.told_at = now;
            eprintln!(
                "campaign-sync: {} of {} {} in the queue",
                number(sent),
                counted(self.rows, "row"),
                are(sent)
            );
        }
    }
}

/// A progress bar on standard error. It is hidden if that is no terminal.
fn progress_bar(rows: u64) -> ProgressBar {
    let bar = ProgressBar::new(rows);
    let template = "{bar:40} rows: {human_pos} of {human_len}, {elapsed}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
