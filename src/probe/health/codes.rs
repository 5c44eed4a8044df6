//! Codes of HTTP/2, HTTP and gRPC, and what they are called or mean here.

use h2::Reason;
use tonic::Code;

use crate::report::FindingId;

/// Codes of HTTP/2 by which a server says why it takes no call (RFC 9113 section 7).
pub(super) const RESETS: &[(Reason, FindingId, &str, &str)] = &[
    (
        Reason::ENHANCE_YOUR_CALM,
        FindingId::ProbeGrpcRefused,
        "the server refuses us because we ask too much of it, as it says",
        "a limit of the server, or of a proxy before it, was exceeded: read its log",
    ),
    (
        Reason::HTTP_1_1_REQUIRED,
        FindingId::ProbeGrpcNotGrpc,
        "the server wants HTTP/1.1 for this call, which gRPC cannot use",
        "check the port, or let the web server pass HTTP/2 on to the gRPC server",
    ),
    (
        Reason::INADEQUATE_SECURITY,
        FindingId::ProbeGrpcRefused,
        "the server does not accept the TLS version or cipher suite for HTTP/2",
        "let its TLS use version 1.3, or a cipher suite that RFC 9113 appendix A does not list",
    ),
    (
        Reason::NO_ERROR,
        FindingId::ProbeGrpcClosed,
        "the server ended the connection in good order before it answered",
        "it is stopping, or replaces its connections: `--wait 60s` tries again",
    ),
    (
        Reason::REFUSED_STREAM,
        FindingId::ProbeGrpcRefused,
        "the server refused the call before it looked at it",
        "it is at its limit of calls, or stopping: `--wait 60s` tries again",
    ),
];

/// Which status of gRPC a call has that ended with such a code, for gRPC for Go; INTERNAL for the others.
pub(super) const RESET_CODES: [(Reason, Code); 5] = [
    (Reason::CANCEL, Code::Cancelled),
    (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
    (Reason::FLOW_CONTROL_ERROR, Code::ResourceExhausted),
    (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    (Reason::REFUSED_STREAM, Code::Unavailable),
];

/// Statuses by which web servers say that they want a client certificate, or another one; nginx says 400.
pub(super) const CERTIFICATE_REFUSALS: &[u16] = &[400, 401, 403, 495, 496];

/// Statuses that say more than that the call failed, and what to do then.
pub(super) const REFUSALS: &[(Code, FindingId, &str)] = &[
    (
        Code::DeadlineExceeded,
        FindingId::ProbeGrpcTimeout,
        "the server gave up itself: look in its log for what it waited for",
    ),
    (
        Code::PermissionDenied,
        FindingId::ProbeGrpcPermissionDenied,
        "the server knows us: look for the names of our certificate in its list of allowed clients",
    ),
    (
        Code::Unauthenticated,
        FindingId::ProbeGrpcUnauthenticated,
        "send the credentials that it asks for with `--metadata-file`",
    ),
    (
        Code::Unavailable,
        FindingId::ProbeGrpcUnavailable,
        "what the server needs, or the server behind a proxy, is not there: `--wait 60s` tries again",
    ),
];

/// As the gRPC documents write them (statuscodes.md).
pub(super) const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "CANCELLED"),
    (Code::Unknown, "UNKNOWN"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (Code::NotFound, "NOT_FOUND"),
    (Code::AlreadyExists, "ALREADY_EXISTS"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::Aborted, "ABORTED"),
    (Code::OutOfRange, "OUT_OF_RANGE"),
    (Code::Unimplemented, "UNIMPLEMENTED"),
    (Code::Internal, "INTERNAL"),
    (Code::Unavailable, "UNAVAILABLE"),
    (Code::DataLoss, "DATA_LOSS"),
    (Code::Unauthenticated, "UNAUTHENTICATED"),
];
