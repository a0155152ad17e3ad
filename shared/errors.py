class DomainError(Exception):
    """A refusal: a code, and a sentence that says what is wrong and what to do. Whoever asked may see it."""

    status = 400
    code = "bad_request_format"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class Rejected(DomainError):
    pass


class Denied(DomainError):
    status = 403
    code = "access_denied|missing_permission"


class TooMany(DomainError):
    """Asked too often; in `retry_after` seconds it is answered again."""

    status = 429
    code = "request_limit_exceeded"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(DomainError):
    status = 404
    code = "not_found"


class Conflict(DomainError):
    status = 409
    code = "invalid_state"
