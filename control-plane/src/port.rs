//! A free port that stays ours until the server that it is for listens on it.
//!
//! The usual way, to bind to port 0, read the number and let go, loses the port to whoever is quicker. Here the socket
//! is kept, bound but not listening, and the server shares the port by an option of its own socket: the system gives such
//! a port to nobody who asks for any free one, and connections reach only the socket that listens.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of the loopback address, held for a server.
#[derive(Debug)]
pub struct ReservedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl ReservedPort {
    /// Reserves any free port for a server that sets `SO_REUSEPORT`. Nobody else gets it.
    pub fn any() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        Self::bind(socket)
    }

    /// Reserves any free port for a server that sets `SO_REUSEADDR`, as those in Go do by themselves. Others get it only
    /// if they ask for its very number.
    pub fn by_address() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        Self::bind(socket)
    }

    fn bind(socket: TcpSocket) -> io::Result<Self> {
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.address.port()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn nobody_gets_a_reserved_port_but_who_shares_it() {
        let reserved = ReservedPort::any().unwrap();
        let taken = TcpListener::bind(reserved.address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let server = TcpSocket::new_v4().unwrap();
        server.set_reuseport(true).unwrap();
        server.bind(reserved.address).unwrap();
    }
    #[test]
    fn a_port_reserved_by_address_goes_to_who_asks_for_its_number() {
        let reserved = ReservedPort::by_address().unwrap();
        // The standard library sets the option, as Go's does; here for all addresses, as servers without one do.
        let server = TcpListener::bind((Ipv4Addr::UNSPECIFIED, reserved.number())).unwrap();
        assert_eq!(server.local_addr().unwrap().port(), reserved.number());
    }
}
