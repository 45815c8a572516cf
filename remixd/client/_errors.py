"""From status codes to errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from remixd import errors
from remixd.config import Address

DETAILS_KEY: Final = "grpc-status-details-bin"
"""Trailing metadata in which gRPC carries a `google.rpc.Status`."""

CORE_FAILED: Final = "Internal error from Core"
"""What gRPC's asynchronous client says itself, as INTERNAL, where a line broke before there was a status."""

CLASSES: Final[Mapping[str, type[errors.RemixdError]]] = {
    kind.__name__: kind
    for kind in (
        errors.InvalidInput,
        errors.BadAudio,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Exhausted,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.Unavailable,
        errors.Disconnected,
        errors.Unsupported,
    )
}
BY_CODE: Final[Mapping[grpc.StatusCode, type[errors.RemixdError]]] = {
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInput,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Exhausted,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.Forbidden,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Disconnected,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unsupported,
}


def error_from_status(error: grpc.RpcError, address: Address) -> errors.RemixdError:
    """The error that the daemon raised, or that it could not be reached."""
    code = error.code()
    said = " ".join((error.details() or "").split())
    entries: Iterable[Any] = error.trailing_metadata() or ()  # pairs, of one class or another
    for key, value in entries:
        if key == DETAILS_KEY and (told := _error_from_details(value, said)) is not None:
            return told
    if code is grpc.StatusCode.UNAVAILABLE and "failed to connect" in said.lower():
        return errors.Disconnected(f"no daemon at {address}: start one with `remixd serve`", sent=False)
    if code is grpc.StatusCode.UNAVAILABLE or said == CORE_FAILED:
        return errors.Disconnected(f"the daemon at {address} went away: {said}")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.Unavailable(f"the daemon at {address} did not answer in time")
    return BY_CODE.get(code, errors.RemixdError)(f"the daemon at {address} said {code.name}: {said}")


def _error_from_details(details: bytes, said: str) -> errors.RemixdError | None:
    """The error that a `google.rpc.Status` of the daemon tells of; None if it is not one of ours."""
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    request, resource = error_details_pb2.BadRequest(), error_details_pb2.ResourceInfo()
    failure, retry = error_details_pb2.QuotaFailure(), error_details_pb2.RetryInfo()
    try:
        status.ParseFromString(details)
        for detail in status.details:
            for known in (info, request, resource, failure, retry):
                detail.Unpack(known)
    except DecodeError:
        return None
    kind = CLASSES.get(info.reason)
    if kind is None:
        return None
    if issubclass(kind, errors.InvalidInput) and request.field_violations:
        return kind(said, field=request.field_violations[0].field)
    if issubclass(kind, errors.Exhausted):
        return kind(
            said,
            quota=failure.violations[0].subject if failure.violations else "",
            retry_after_s=retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9,
        )
    if issubclass(kind, errors.NotFound):
        return kind(said, kind=resource.resource_type.rpartition("/")[2], name=resource.resource_name)
    return kind(said)


@contextmanager
def telling_errors(address: Address) -> Iterator[None]:
    """Raise remixd's errors in the place of gRPC's."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_from_status(error, address) from None
    except (ValueError, grpc.aio.UsageError) as error:
        if "closed" not in str(error):
            raise
        raise errors.Unavailable("this client is closed") from None
