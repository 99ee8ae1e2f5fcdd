//! The bearer token by which an IAM identity shows itself to a cluster of EKS: a presigned request for the caller's
//! identity, that the cluster sends to STS
//! (<https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>).

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holodeck_engine::Error;
use secrecy::SecretString;

/// How long a cluster accepts a token.
pub const LIFETIME: Duration = Duration::from_mins(15);

/// How long the request in a token may be sent, the least that the cluster accepts.
const EXPIRES_IN: Duration = Duration::from_secs(60);

/// The token that `credentials` have for `cluster` from `now` on.
pub fn token(
    credentials: Credentials,
    region: &str,
    cluster: &str,
    now: SystemTime,
) -> Result<SecretString, Error> {
    let url = format!("https://{}/?Action=GetCallerIdentity&Version=2011-06-15", host(region));
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::bug("signing the request for the caller's identity").with_source(error)
    };
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES_IN);
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| wrong(error.into()))?;
    let headers = [("x-k8s-aws-id", cluster)].into_iter();
    let signable = SignableRequest::new("GET", url.as_str(), headers, SignableBody::Bytes(&[]))
        .map_err(|error| wrong(error.into()))?;
    let (signature, _) =
        sign(signable, &parameters.into()).map_err(|error| wrong(error.into()))?.into_parts();
    let mut request = http::Request::get(&url).body(()).map_err(|error| wrong(error.into()))?;
    signature.apply_to_request_http1x(&mut request);
    Ok(SecretString::from(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(request.uri().to_string()))))
}

fn host(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("sts.{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_a_presigned_request_bound_to_the_cluster() {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("session".into()), None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let token = token(credentials, "eu-west-1", "staging", now).unwrap();
        let encoded = token.expose_secret().strip_prefix("k8s-aws-v1.").unwrap();
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
        for part in [
            "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Feu-west-1%2Fsts%2Faws4_request",
            "X-Amz-Expires=60",
            "X-Amz-Security-Token=session",
            "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
            "X-Amz-Signature=",
        ] {
            assert!(url.contains(part), "`{part}` is missing in {url}");
        }
    }
}
