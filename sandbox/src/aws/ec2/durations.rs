//! How long EC2 typically takes, in one table: rounded observations, not promises.

use jiff::SignedDuration;

/// From CreateNatGateway to `available`.
pub(super) const NAT_GATEWAY_AVAILABLE: SignedDuration = SignedDuration::from_secs(100);
/// From CreateNatGateway to `failed`.
pub(super) const NAT_GATEWAY_FAILED: SignedDuration = SignedDuration::from_secs(20);
/// From DeleteNatGateway to `deleted`, when address and interface are let go.
pub(super) const NAT_GATEWAY_DELETED: SignedDuration = SignedDuration::from_secs(60);
/// How long a deleted or failed NAT gateway is still shown.
pub(super) const NAT_GATEWAY_SHOWN: SignedDuration = SignedDuration::from_mins(60);
/// From CreateVpcEndpoint to `available`, for interface endpoints.
pub(super) const ENDPOINT_AVAILABLE: SignedDuration = SignedDuration::from_secs(60);
/// From DeleteVpcEndpoints until an interface endpoint and its interfaces are gone.
pub(super) const ENDPOINT_DELETED: SignedDuration = SignedDuration::from_secs(90);
/// From launch to `running`.
pub(super) const INSTANCE_RUNNING: SignedDuration = SignedDuration::from_secs(15);
/// From `shutting-down` to `terminated`, when interface and root volume are let go.
pub(super) const INSTANCE_TERMINATED: SignedDuration = SignedDuration::from_secs(40);
/// How long a terminated instance is still shown.
pub(super) const INSTANCE_SHOWN: SignedDuration = SignedDuration::from_mins(60);
