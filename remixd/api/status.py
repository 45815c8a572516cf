"""Errors become status codes here, and nowhere else."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import grpc
import grpc.aio

from remixd.errors import (
    AlreadyExists,
    Exhausted,
    InvalidInput,
    NotFound,
    RemixdError,
    Unavailable,
    Unsupported,
)

LOG: Final = logging.getLogger(__name__)

ERROR_KEY: Final = "remixd-error"
"""The trailing metadata that names the class of the error, for our own client."""

STATUS_CODES: Final[tuple[tuple[type[RemixdError], grpc.StatusCode], ...]] = (
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (Exhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
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


async def _abort(error: Exception, method: str, context: Context) -> NoReturn:
    code = status_code(error)
    if code is grpc.StatusCode.INTERNAL:
        LOG.error("%s failed", method, exc_info=error)
        await context.abort(code, f"{method} failed inside the daemon; its log tells more")
    await context.abort(code, str(error), ((ERROR_KEY, type(error).__name__),))


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Ends every call that raises with the status of its error.

    Refusals (`RemixdError`) keep their message. Anything else is INTERNAL: the traceback goes to the
    log, the caller learns only which method failed. Thread: [control].
    """

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
                _guard_unary(handler.unary_unary, method),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        if handler.unary_stream is not None and inspect.isasyncgenfunction(handler.unary_stream):
            return grpc.unary_stream_rpc_method_handler(
                _guard_stream(handler.unary_stream, method),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        raise TypeError(f"{method} is neither unary nor an asynchronous generator")


def _guard_unary(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    async def guarded(request: Any, context: Context) -> Any:
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _abort(error, method, context)

    return guarded


def _guard_stream(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async with contextlib.aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _abort(error, method, context)

    return guarded
