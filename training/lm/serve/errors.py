"""What a client is told when a request cannot be served, in the words its library understands."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse


class ApiError(Exception):
    """An answer with an HTTP status and an OpenAI error body; `message` is for a person."""

    def __init__(self, status: int, message: str, code: str = "invalid_request", param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param

    def body(self) -> dict[str, dict[str, str | None]]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Any ApiError, or whatever else went wrong without telling the client more than that."""
    known = error if isinstance(error, ApiError) else ApiError(500, "The server failed.", "server_error")
    headers = {"Retry-After": "1"} if known.status == 503 else None
    return JSONResponse(known.body(), status_code=known.status, headers=headers)


def unknown_model(name: str) -> ApiError:
    return ApiError(404, f"The model `{name}` does not exist.", "model_not_found", "model")
