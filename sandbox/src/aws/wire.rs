//! Errors as each service writes them on the wire, so that the SDK reads them as it reads the real ones: as modelled
//! errors, and with its own rules for what to retry.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::ApiError;

/// The response of `service` (its name in the SDK's metadata) that carries `error`.
pub(super) fn error_response(service: &str, error: &ApiError, request_id: &str) -> HttpResponse {
    let code = escape(&error.code);
    let message = escape(&error.message);
    let body = match service {
        "EC2" => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>{request_id}</RequestID></Response>"
        ),
        "S3" => format!(
            "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        ),
        "IAM" | "STS" | "Route 53" | "Elastic Load Balancing v2" | "Auto Scaling" | "RDS" => format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>"
        ),
        _ => serde_json::json!({ "__type": error.code, "code": error.code, "message": error.message })
            .to_string(),
    };
    let mut response = HttpResponse::new(status(&error.code), SdkBody::from(body));
    for (name, value) in [("x-amzn-requestid", request_id), ("x-amzn-errortype", &error.code)] {
        // A code that cannot stand in a header stands in the body alone.
        _ = response.headers_mut().try_insert(name, value.to_owned());
    }
    response
}

fn status(code: &str) -> StatusCode {
    let status = match code {
        "InternalFailure" | "InternalError" | "ServerException" => 500,
        "ServiceUnavailable" | "Unavailable" | "SlowDown" => 503,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => 403,
        code if code.contains("NotFound") || code.starts_with("NoSuch") => 404,
        code if code.contains("Precondition") => 412,
        code if code.contains("Conflict") || code.contains("AlreadyExists") || code.contains("InUse") => 409,
        _ => 400,
    };
    StatusCode::try_from(status).unwrap_or_else(|_| unreachable!("{status} is a status code"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
