//! Each behaviour of EC2 through the real client.
