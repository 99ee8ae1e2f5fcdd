//! The way of a message to the server and of its answer back: one small trait, so that a simulated server can lie behind
//! the same client.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use holodeck_sandbox::SimulatedNameServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ServerAddress;

/// How long an answer is awaited. A server that is far away or busy answers within a second or two.
const PATIENCE: Duration = Duration::from_secs(10);

/// What carries messages to a name server.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Sends `message`, and gives what the server answers.
    async fn exchange(&self, message: &[u8]) -> io::Result<Vec<u8>>;
}

/// A connection for each message. By TCP no answer is cut short; each message follows its length (RFC 1035, section 4.2.2).
pub struct Tcp(pub ServerAddress);

#[async_trait]
impl Exchange for Tcp {
    async fn exchange(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let ServerAddress { host, port } = &self.0;
        let exchange = async {
            let length = u16::try_from(message.len()).map_err(io::Error::other)?;
            let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
            // In one piece: there are servers that do not wait for the second one (RFC 7766, section 8).
            stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        timeout(PATIENCE, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

#[async_trait]
impl Exchange for SimulatedNameServer {
    async fn exchange(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        SimulatedNameServer::exchange(self, message).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What a server sees that gets `message`, and what the client gets that it answers with `pieces`.
    async fn exchanged(message: &[u8], pieces: &'static [&'static [u8]]) -> (Vec<u8>, io::Result<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let length = message.len() + 2;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; length];
            stream.read_exact(&mut seen).await.unwrap();
            for piece in pieces {
                stream.write_all(piece).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            seen
        });
        let answer = Tcp(address).exchange(message).await;
        (server.await.unwrap(), answer)
    }

    #[tokio::test]
    async fn a_message_follows_its_length_whatever_pieces_it_comes_in() {
        let (seen, answer) = exchanged(b"question", &[&[0], &[6], b"ans", b"wer"]).await;
        assert_eq!(seen, b"\0\x08question");
        assert_eq!(answer.unwrap(), b"answer");
    }

    #[tokio::test]
    async fn an_answer_that_ends_early_is_none() {
        let (_, answer) = exchanged(b"question", &[&[0, 6], b"ans"]).await;
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn what_does_not_fit_into_a_message_is_not_sent() {
        let nowhere = Tcp("127.0.0.1:1".parse().unwrap());
        assert_eq!(nowhere.exchange(&[0; 70_000]).await.unwrap_err().kind(), io::ErrorKind::Other);
    }
}
