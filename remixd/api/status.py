"""Errors become status codes here, and nowhere else."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from remixd.control.observing import Observer
from remixd.errors import (
    AlreadyExists,
    Exhausted,
    Forbidden,
    InvalidInput,
    NotFound,
    RemixdError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

LOG: Final = logging.getLogger(__name__)

DETAILS_KEY: Final = "grpc-status-details-bin"
"""The trailing metadata in which gRPC carries a `google.rpc.Status`."""

DOMAIN: Final = "remixd.v1"

STATUS_CODES: Final[tuple[tuple[type[RemixdError], grpc.StatusCode], ...]] = (
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (Exhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Forbidden, grpc.StatusCode.PERMISSION_DENIED),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (Unsupported, grpc.StatusCode.UNIMPLEMENTED),
)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def status_code(error: Exception) -> grpc.StatusCode:
    """The code that tells `error`: INTERNAL for what is not a refusal of ours."""
    for kind, code in STATUS_CODES:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL


def told(error: Exception, method: str) -> status_pb2.Status:
    """What a caller of `method` is told of an error.

    Of what is not a refusal of ours they learn only which method failed; the log tells more.
    """
    if isinstance(error, RemixdError) and (code := status_code(error)) is not grpc.StatusCode.INTERNAL:
        return _with_details(error, code)
    LOG.error("%s failed", method, exc_info=error)
    return status_pb2.Status(
        code=grpc.StatusCode.INTERNAL.value[0],
        message=f"{method} failed inside the daemon; its log tells more",
    )


def _with_details(error: RemixdError, code: grpc.StatusCode) -> status_pb2.Status:
    """A `google.rpc.Status` that tells more than the code and the message.

    `ErrorInfo` names the class of the error; `BadRequest` the field that is at fault; `ResourceInfo` what was
    not found; `QuotaFailure` which quota is used up, and `RetryInfo` when there is room again.
    """
    status = status_pb2.Status(code=code.value[0], message=str(error))
    public = next(kind for kind in type(error).__mro__ if kind.__module__ == RemixdError.__module__)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=public.__name__, domain=DOMAIN))
    if isinstance(error, InvalidInput) and error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=str(error))
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, NotFound) and error.kind:
        status.details.add().Pack(
            error_details_pb2.ResourceInfo(
                resource_type=f"{DOMAIN}/{error.kind}", resource_name=error.name, description=str(error)
            )
        )
    if isinstance(error, Exhausted) and error.quota:
        quota = error_details_pb2.QuotaFailure.Violation(subject=error.quota, description=str(error))
        status.details.add().Pack(error_details_pb2.QuotaFailure(violations=[quota]))
    if isinstance(error, Exhausted) and error.retry_after_s:
        wait = Duration(
            nanos=round(error.retry_after_s * 1e9) % 10**9, seconds=round(error.retry_after_s * 1e9) // 10**9
        )
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=wait))
    return status


def details(status: status_pb2.Status) -> bytes:
    """A status as gRPC carries it in trailing metadata."""
    serialized: bytes = status.SerializeToString()
    return serialized


async def _abort(error: Exception, method: str, context: Context) -> NoReturn:
    status = told(error, method)
    trailing = ((DETAILS_KEY, details(status)),) if status.details else ()
    await context.abort(status_code(error), status.message, trailing)


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Ends every call that raises with the status of its error.

    Refusals (`RemixdError`) keep their message. Anything else is INTERNAL: the traceback goes to the
    log, the caller learns only which method failed. A stream may give messages that are serialised
    already, as bytes. Every call is observed. Thread: [control].
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the handler of a method; one that is not ours, or unknown, stays as it is."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/remixd."):
            return handler
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                _guard_unary(handler.unary_unary, method, self._observer),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        if handler.unary_stream is not None and inspect.isasyncgenfunction(handler.unary_stream):
            return grpc.unary_stream_rpc_method_handler(
                _guard_stream(handler.unary_stream, method, self._observer),
                request_deserializer=handler.request_deserializer,
                response_serializer=_unless_serialized(handler.response_serializer or bytes),
            )
        if handler.stream_stream is not None and inspect.isasyncgenfunction(handler.stream_stream):
            return grpc.stream_stream_rpc_method_handler(
                _guard_stream(handler.stream_stream, method, self._observer),
                request_deserializer=handler.request_deserializer,
                response_serializer=_unless_serialized(handler.response_serializer or bytes),
            )
        raise TypeError(f"{method} is neither unary nor an asynchronous generator")


def _unless_serialized(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda response: response if isinstance(response, bytes) else serialize(response)


def _guard_unary(behaviour: Callable[..., Any], method: str, observer: Observer) -> Callable[..., Any]:
    name = short_name(method)

    async def guarded(request: Any, context: Context) -> Any:
        with observer.call(name, "grpc", dict(context.invocation_metadata() or ())) as ended:
            try:
                return await behaviour(request, context)
            except grpc.aio.AbortError:
                ended.code = context.code().name
                raise
            except Exception as error:
                ended.code = status_code(error).name
                await _abort(error, method, context)

    return guarded


def _guard_stream(behaviour: Callable[..., Any], method: str, observer: Observer) -> Callable[..., Any]:
    name = short_name(method)

    async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
        metadata = dict(context.invocation_metadata() or ())
        with observer.call(name, "grpc", metadata, is_stream=True) as ended:
            try:
                async with contextlib.aclosing(behaviour(request, context)) as responses:
                    async for response in responses:
                        yield response
            except grpc.aio.AbortError:
                ended.code = context.code().name
                raise
            except Exception as error:
                ended.code = status_code(error).name
                await _abort(error, method, context)

    return guarded


def short_name(method: str) -> str:
    """`Sessions/Watch` of `/remixd.v1.Sessions/Watch`."""
    return method.rpartition(".")[2]
