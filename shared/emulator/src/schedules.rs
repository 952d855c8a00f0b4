//! The calls of EventBridge Scheduler that the command line makes
//! (docs.aws.amazon.com/scheduler/latest/APIReference), and the runs that schedules send to the
//! queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use io::Clock;
use io::queue::Message;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Fifo;

/// The prefix of the path of each call.
pub const PREFIX: &str = "/schedules";
/// The placeholder in a schedule's input for the time at which it is due.
const TIME: &str = "<aws.scheduler.scheduled-time>";

/// Schedules by name. All of them send runs to one queue.
pub struct Schedules {
    clock: Clock,
    runs: Arc<Fifo>,
    state: Mutex<BTreeMap<String, Schedule>>,
}

struct Schedule {
    /// The body of the request that stored it.
    body: Value,
    /// The time of its next run. `None` means that there is none.
    due: Option<Timestamp>,
}

type Fault = (StatusCode, &'static str);

impl Schedules {
    pub fn new(clock: Clock, runs: Arc<Fifo>) -> Schedules {
        Schedules {
            clock,
            runs,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<String, Schedule>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let (path, query) = (request.uri().path(), request.uri().query());
        let name = path.strip_prefix("/schedules/").unwrap_or_default();
        let answer = match (request.method(), name) {
            (&Method::GET, "") => Ok(self.list(query.unwrap_or_default())),
            (&Method::GET, name) => self.get(name),
            (&Method::POST, name) => self.put(name, request.body(), false),
            (&Method::PUT, name) => self.put(name, request.body(), true),
            (&Method::DELETE, name) => self.delete(name),
            _ => Err((StatusCode::BAD_REQUEST, "ValidationException")),
        };
        let (status, body) = match &answer {
            Ok(body) => (StatusCode::OK, body.to_string()),
            Err((status, code)) => (*status, json!({ "Message": code }).to_string()),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        if let Err((_, code)) = answer {
            let code = HeaderValue::from_static(code);
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        response
    }

    fn list(&self, query: &str) -> Value {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let prefix = pairs.find(|(name, _)| *name == "NamePrefix");
        let prefix = prefix.map_or("", |(_, prefix)| prefix);
        let state = self.state();
        let names = state.keys().filter(|name| name.starts_with(prefix));
        json!({ "Schedules": names.map(|name| json!({ "Name": name })).collect::<Vec<_>>() })
    }

    fn get(&self, name: &str) -> Result<Value, Fault> {
        let state = self.state();
        let schedule = state.get(name).ok_or(MISSING)?;
        let mut body = schedule.body.clone();
        body["Name"] = name.into();
        Ok(body)
    }

    fn put(&self, name: &str, body: &[u8], is_there: bool) -> Result<Value, Fault> {
        const INVALID: Fault = (StatusCode::BAD_REQUEST, "ValidationException");
        let body: Value = serde_json::from_slice(body).map_err(|_| INVALID)?;
        let expression = body["ScheduleExpression"].as_str().ok_or(INVALID)?;
        let target = &body["Target"];
        let is_whole = target["Arn"].is_string() && target["RoleArn"].is_string();
        let is_rate = rate(expression).is_some();
        if !is_whole || !(is_rate || expression.starts_with("cron(")) {
            return Err(INVALID);
        }
        // A schedule with a rate is due at once. A cron expression is never due here.
        let is_on = is_rate && body["State"] != "DISABLED";
        let due = is_on.then(|| self.clock.now());
        let mut state = self.state();
        match (state.contains_key(name), is_there) {
            (false, true) => Err(MISSING),
            (true, false) => Err((StatusCode::CONFLICT, "ConflictException")),
            _ => {
                let arn =
                    format!("arn:aws:scheduler:us-east-1:000000000000:schedule/default/{name}");
                state.insert(name.to_owned(), Schedule { body, due });
                Ok(json!({ "ScheduleArn": arn }))
            }
        }
    }

    fn delete(&self, name: &str) -> Result<Value, Fault> {
        let removed = self.state().remove(name);
        removed.map(|_| json!({})).ok_or(MISSING)
    }

    /// Sends each run to the queue when it is due. It never returns.
    pub async fn run(&self) {
        loop {
            for message in self.take_due() {
                // If the queue refuses it, a later run is due.
                let _ = self.runs.send(message);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn take_due(&self) -> Vec<Message> {
        let now = self.clock.now();
        let mut state = self.state();
        let due = state.iter_mut().filter_map(|(name, schedule)| {
            let due = schedule.due.filter(|due| *due <= now)?;
            let every = rate(schedule.body["ScheduleExpression"].as_str()?)?;
            // Runs that were missed while nothing polled this are not sent.
            schedule.due = Some(now + every);
            let target = &schedule.body["Target"];
            let input = target["Input"].as_str().unwrap_or("{}");
            let body = input.replace(TIME, &format!("{due:.0}"));
            let group = target["SqsParameters"]["MessageGroupId"].as_str()?;
            Some(Message {
                deduplication_id: format!("{name}-{}", due.as_millisecond()),
                group: group.to_owned(),
                body,
                attributes: Vec::new(),
            })
        });
        due.collect()
    }
}

const MISSING: Fault = (StatusCode::NOT_FOUND, "ResourceNotFoundException");

/// The interval of an expression such as `rate(15 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0)?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}
