use super::*;

fn read(variables: &[(&str, &str)]) -> Result<(Config, ApplyConfig), String> {
    let queues = [
        ("QUEUE_URL", "https://sqs/q.fifo"),
        ("DEAD_LETTER_QUEUE_URL", "https://sqs/d.fifo"),
    ];
    let find = |name: &str| {
        variables
            .iter()
            .chain(&queues)
            .find(|(other, _)| *other == name)
    };
    Config::read_for_apply(|name| find(name).map(|(_, value)| (*value).to_owned()))
        .map_err(|error| error.to_string())
}

#[test]
fn defaults_are_those_of_the_contract() {
    let (config, own) = read(&[]).unwrap();
    assert_eq!(config.secret_prefix, "campaign-sync");
    assert_eq!(config.secret_ttl, Duration::from_mins(5));
    assert_eq!(own.retry_horizon, Duration::from_hours(6));
    assert_eq!(config.apply_top_up, 990);
    assert_eq!(
        (config.apply_concurrency, config.genesys_base_url),
        (5, None)
    );
}

#[test]
fn every_wrong_variable_is_named_with_what_was_expected() {
    let wrong = |name: &str| (name == "RETRY_HORIZON_SECONDS").then(|| "60".into());
    let error = Config::read_for_apply(wrong).unwrap_err().to_string();
    assert_eq!(
        error,
        "QUEUE_URL is missing: set it to the stack's output QueueUrl; \
         DEAD_LETTER_QUEUE_URL is missing: set it to the stack's output DeadLetterQueueUrl; \
         RETRY_HORIZON_SECONDS: expected a whole number from 1800 to 259200"
    );
    assert!(
        read(&[("APPLY_CONCURRENCY", "0")])
            .unwrap_err()
            .starts_with("APPLY_CONCURRENCY: expected")
    );
    assert_eq!(
        read(&[("TOP_UP", "991")]).unwrap_err(),
        "TOP_UP: expected a whole number from 0 to 990"
    );
    assert!(
        read(&[("SECRET_PREFIX", "a b")])
            .unwrap_err()
            .starts_with("SECRET_PREFIX: expected")
    );
    assert!(
        read(&[("GENESYS_BASE_URL", "ftp://x")])
            .unwrap_err()
            .starts_with("GENESYS_BASE_URL: expected")
    );
}

#[test]
fn the_queue_of_changes_is_not_the_dead_letter_queue() {
    let expected = "QUEUE_URL and DEAD_LETTER_QUEUE_URL: expected two queues; set QUEUE_URL to the stack's output \
                    QueueUrl, and DEAD_LETTER_QUEUE_URL to DeadLetterQueueUrl";
    for url in ["https://sqs/d.fifo", "https://sqs/d.fifo/"] {
        assert_eq!(read(&[("QUEUE_URL", url)]).unwrap_err(), expected);
    }
    // The command send reads one of them, and still finds the other one set.
    let same = |name: &str| {
        name.ends_with("QUEUE_URL")
            .then(|| "https://sqs/q".to_owned())
    };
    assert_eq!(Config::read(same).unwrap_err().to_string(), expected);
}

#[test]
fn the_function_reconcile_needs_the_queues_of_runs_and_the_command_does_not() {
    let own = |name: &str| match name {
        "RUNS_QUEUE_URL" => Some("https://sqs/r.fifo".to_owned()),
        "FAILED_RUNS_QUEUE_URL" => Some("https://sqs/f".to_owned()),
        _ => None,
    };
    let queue = |name: &str| (name == "QUEUE_URL").then(|| "https://sqs/q.fifo".to_owned());
    assert!(Config::read(queue).is_ok());
    assert_eq!(
        Config::read_for_runs(queue).unwrap_err().to_string(),
        "RUNS_QUEUE_URL is missing: expected the URL of a queue; \
         FAILED_RUNS_QUEUE_URL is missing: expected the URL of a queue"
    );
    let (_, runs) = Config::read_for_runs(|name| own(name).or(queue(name))).unwrap();
    assert_eq!(runs.runs_queue_url, "https://sqs/r.fifo");
    assert_eq!(
        (&*runs.failed_runs_queue_url, &*runs.stack),
        ("https://sqs/f", "campaign-sync")
    );
}

#[test]
fn a_base_url_loses_its_last_slash_and_an_empty_variable_is_absent() {
    let (config, _) = read(&[
        ("GENESYS_BASE_URL", "http://127.0.0.1:8080/"),
        ("SECRET_TTL_SECONDS", ""),
    ])
    .unwrap();
    assert_eq!(
        config.genesys_base_url.as_deref(),
        Some("http://127.0.0.1:8080")
    );
    assert_eq!(config.secret_ttl, Duration::from_mins(5));
}

#[test]
fn a_base_url_is_on_loopback() {
    for url in [
        "http://127.0.0.1:8787",
        "https://127.0.0.1:8787/",
        "http://[::1]:8787",
        "http://localhost",
    ] {
        let (config, _) = read(&[("GENESYS_BASE_URL", url)]).unwrap();
        let kept = config.genesys_base_url.unwrap();
        assert_eq!(kept, url.trim_end_matches('/'));
    }
    for url in [
        "http://example.com",
        "https://login.mypurecloud.com",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com:8787",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:8787",
        "http://10.0.0.1:8787",
        "ftp://127.0.0.1",
        "127.0.0.1:8787",
    ] {
        assert_eq!(
            read(&[("GENESYS_BASE_URL", url)]).unwrap_err(),
            "GENESYS_BASE_URL: expected http://127.0.0.1:PORT, http://[::1]:PORT or http://localhost:PORT",
            "{url}"
        );
    }
}

#[test]
fn a_stack_has_a_name_of_cloudformation() {
    for name in ["campaign-sync", "a", "Stack2"] {
        assert!(is_stack_name(name), "{name}");
    }
    let long = "a".repeat(129);
    for name in ["", "has_under", "x/y", "a b", "2nd", "-a", &long] {
        assert!(!is_stack_name(name), "{name}");
    }
}
