//! Faults that a test or an operator injects: which calls fail, and how.
//!
//! A [`Fault`] counts the calls that it matches. For example, `Fault::status("PATCH",
//! 500).after(2).times(3)` lets two PATCH requests succeed and fails the three that follow.

use std::time::Duration;

use serde::Deserialize;

/// How a call fails.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The answer has this status and these headers. The call is not carried out.
    Status(u16, Vec<(&'static str, String)>),
    /// The answer is 200 with this text. The call is not carried out.
    Text(String),
    /// The connection breaks before the call is carried out, or after it if `is_done`.
    Lost { is_done: bool },
    /// No answer comes. The call is carried out only if `is_done`.
    Hang { is_done: bool },
    /// The right answer comes after this time.
    Slow(Duration),
}

/// Which calls fail, and how.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The method. `None` means any.
    pub method: Option<&'static str>,
    /// A part of the encoded path without its query. If the text ends with `$`, the path must end
    /// with what stands before it.
    pub path: String,
    /// How many matching calls succeed before the first that fails.
    pub after: usize,
    /// How many matching calls fail then.
    pub times: usize,
    pub effect: Effect,
}

impl Fault {
    /// Fails the next call of this method.
    pub fn next(method: &'static str, effect: Effect) -> Fault {
        Fault {
            method: Some(method),
            path: String::new(),
            after: 0,
            times: 1,
            effect,
        }
    }

    /// Answers the next call of this method with this status.
    pub fn status(method: &'static str, status: u16) -> Fault {
        Fault::next(method, Effect::Status(status, Vec::new()))
    }

    /// Matches calls of any method.
    #[must_use]
    pub fn any_method(self) -> Fault {
        Fault {
            method: None,
            ..self
        }
    }

    /// Matches only paths that contain this text. With `$` at its end, the path must end with it.
    #[must_use]
    pub fn on(self, path: impl Into<String>) -> Fault {
        Fault {
            path: path.into(),
            ..self
        }
    }

    /// Sets how many calls fail.
    #[must_use]
    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// Sets how many calls succeed first.
    #[must_use]
    pub fn after(self, after: usize) -> Fault {
        Fault { after, ..self }
    }

    /// Counts a call, and returns the effect if the call fails.
    fn strike(&mut self, method: &str, path: &str) -> Option<Effect> {
        let is_meant = self.times > 0
            && self.method.is_none_or(|of| of == method)
            && match self.path.strip_suffix('$') {
                Some(end) => path.ends_with(end),
                None => path.contains(&self.path),
            };
        if !is_meant {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.effect.clone())
    }
}

/// The faults of a service, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Counts a call, and returns the effect of the first fault that fails it.
    pub(crate) fn strike(&mut self, method: &str, path: &str) -> Option<Effect> {
        self.0
            .iter_mut()
            .find_map(|fault| fault.strike(method, path))
    }
}

/// Reads a fault from JSON. It has exactly one of `status`, `text`, `hang` and `slowMs`, and says
/// which calls it matches.
pub(crate) fn read(json: &[u8]) -> Result<Fault, String> {
    serde_json::from_slice(json)
        .map_err(|error| error.to_string())
        .and_then(NewFault::into_fault)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFault {
    method: Option<Method>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    after: usize,
    #[serde(default = "once")]
    times: usize,
    status: Option<u16>,
    retry_after: Option<u64>,
    text: Option<String>,
    hang: Option<When>,
    slow_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    fn name(&self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Whether a call without an answer was carried out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum When {
    Before,
    After,
}

fn once() -> usize {
    1
}

impl NewFault {
    fn into_fault(self) -> Result<Fault, String> {
        let effect = match (self.status, self.text, self.hang, self.slow_ms) {
            (Some(status @ 100..=599), None, None, None) => {
                let headers = self
                    .retry_after
                    .map(|seconds| ("retry-after", seconds.to_string()));
                Effect::Status(status, headers.into_iter().collect())
            }
            (None, Some(text), None, None) => Effect::Text(text),
            (None, None, Some(when), None) => Effect::Hang {
                is_done: matches!(when, When::After),
            },
            (None, None, None, Some(millis)) => Effect::Slow(Duration::from_millis(millis)),
            _ => {
                return Err("expected one of status (100 to 599), text, hang and slowMs".to_owned());
            }
        };
        let method = self.method.as_ref().map(Method::name);
        Ok(Fault {
            method,
            path: self.path,
            after: self.after,
            times: self.times,
            effect,
        })
    }
}
