//! From changes to the queue, no deeper than it should be: calls side by side, each contact in its
//! order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Change;
use domain::outbox::{OF_A_CALL, Outbox};
use indicatif::{ProgressBar, ProgressStyle};
use io::Clock;
use io::queue::{Limits, Message, Queue, SIDE_BY_SIDE, Sending, room};
use jiff::{SignedDuration, Timestamp};

use crate::table::{are, counted, number};

/// The queue is asked for its depth no sooner again: its counts lag.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_secs(5);
/// A queue that drains is worth another look after so long.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// A message that the queue did not take is sent six times: after half a second, one, two, four and
/// eight.
const LIMITS: Limits = Limits {
    calls: SIDE_BY_SIDE,
    tries: 6,
};
/// Who asked for the end is heard after so long.
const HEARD: SignedDuration = SignedDuration::from_millis(500);
/// How often a line tells of progress where there is no terminal.
const LINE: SignedDuration = SignedDuration::from_secs(30);

/// A row that is to be sent; none: it is in the queue already.
pub(super) type ToSend = Option<Change>;

/// What fills the queue, no deeper than it should be.
pub(super) struct Feeder<'a> {
    queue: &'a dyn Queue,
    queue_url: &'a str,
    sending: Sending<'a>,
    /// The most messages that the queue should hold.
    deepest: u64,
    clock: Clock,
    /// Messages that the queue had room for when it was asked, less those that were sent since.
    room: usize,
    asked_at: Option<Timestamp>,
    /// Rows that are in the queue, of the file's.
    done: u64,
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
    /// `done`: how many of the rows are in the queue.
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

    /// Sends the rows as the queue has room for them. `saw` is told of each answer how many rows more
    /// are in the queue by it.
    ///
    /// # Errors
    /// Why not all were sent. No call is under way then: what is in the queue was told.
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
            self.tell();
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
                return Err("SQS does not take a change".to_owned());
            }
            if let Some(why) = outbox.why().map(str::to_owned).or(broken.take()) {
                return Err(why);
            }
            if outbox.is_empty() {
                return Ok(());
            }
            self.stop()?;
            self.wait().await?;
        }
    }

    /// Begins what may begin.
    fn begin(&mut self) {
        let now = self.clock.now();
        let is_fresh = |asked_at| now.duration_since(asked_at) < FRESH;
        if !self.asked_at.is_some_and(is_fresh) {
            return;
        }
        // A call has ten while there are as many: where there is little room, each would have few.
        let call = (self.rows - self.done).min(OF_A_CALL as u64) as usize;
        while self.stop().is_ok() && self.room >= call {
            let begun = self.sending.begin(now, self.room);
            if begun == 0 {
                break;
            }
            self.room = self.room.saturating_sub(begun);
            self.bar.set_message("");
        }
    }

    /// For what was not taken to be sent again, or for room in the queue, if not for long.
    async fn wait(&mut self) -> Result<(), String> {
        let now = self.clock.now();
        let due = self.sending.outbox().due().filter(|due| *due > now);
        let next_look = self.asked_at.map(|asked_at| asked_at + BETWEEN_LOOKS);
        if let Some(then) = due.or(next_look.filter(|look| *look > now)) {
            if due.is_none() {
                self.bar.set_message("the queue is deep: waiting");
            }
            let wait = then.duration_since(now).min(HEARD);
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
            return Ok(());
        }
        let room = room(self.queue, self.queue_url, self.deepest).await;
        let room = room.map_err(|error| error.to_string())?;
        (self.room, self.asked_at) = (room, Some(now));
        Ok(())
    }

    fn stop(&self) -> Result<(), String> {
        if self.is_asked_to_stop.load(Ordering::Relaxed) {
            Err("interrupted".to_owned())
        } else {
            Ok(())
        }
    }

    fn tell(&mut self) {
        let sent = self.done;
        self.bar.set_position(sent);
        // Where there is no bar.
        let now = self.clock.now();
        if self.bar.is_hidden() && now.duration_since(self.told_at) >= LINE {
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

/// On standard error, and only where that is a terminal.
fn progress_bar(rows: u64) -> ProgressBar {
    let bar = ProgressBar::new(rows);
    let template = "{bar:40} rows: {human_pos} of {human_len}, {elapsed}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
