//! A server of raw HTTP/1.1. It records which connection each request came by.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) struct Scripted {
    pub(crate) uri: String,
    requests: Arc<Mutex<Vec<usize>>>,
}

impl Scripted {
    /// For each connection, the answers to its requests, in order. After the last answer it closes
    /// the connection, and it closes any further connection at once.
    pub(crate) async fn start<const N: usize>(connections: [Vec<&'static str>; N]) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut connections = connections.into_iter().enumerate();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (number, answers) = connections.next().unwrap_or_default();
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    for answer in answers {
                        // The requests of these tests arrive in one piece.
                        let Ok(1..) = stream.read(&mut [0; 8_192]).await else {
                            return;
                        };
                        seen.lock().unwrap().push(number);
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Scripted { uri, requests }
    }

    /// The connection of each request that was read.
    pub(crate) fn requests(&self) -> Vec<usize> {
        self.requests.lock().unwrap().clone()
    }
}
