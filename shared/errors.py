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


class NotFound(DomainError):
    status = 404
    code = "not_found"


class Conflict(DomainError):
    status = 409
    code = "invalid_state"
