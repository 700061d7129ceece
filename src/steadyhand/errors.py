"""Every error raised on purpose. A `code` is public: documented, never renamed.

SteadyhandError
├── UsageError              the caller asked for something that cannot be
│   ├── NotFound
│   ├── InvalidInput
│   ├── InputTooLarge
│   ├── InputNotJson
│   ├── ContractInvalid
│   ├── WrongEmbedder
│   └── WorkspaceInvalid
├── AccessError
│   ├── Unauthenticated
│   └── Forbidden
├── ProviderError           a model did not answer
│   ├── ProviderTimeout
│   ├── ProviderUnavailable
│   ├── ProviderRateLimited
│   ├── ProviderRefused
│   │   └── ParameterRefused
│   ├── StreamBroken
│   └── ProviderProtocol
├── OutputInvalid           a model's text holds no JSON object
├── RunTimeout              a run was not done within the contract's time
├── RunCancelled            whoever asked for the run went away, and it was broken off
├── OutputRejected          no output passed the contract's checks
├── ReviewPending           a person decides before the output is given
├── KnowledgeChanged        what an answer was made from was deleted, changed or closed meanwhile
├── NoModel                 no model may or could serve the run
├── BudgetExceeded
├── RateLimited             too many requests or tokens in this minute, or too much at once
├── StorageError            the database or the disk
│   ├── DiskFull
│   ├── NotWritable
│   ├── DatabaseUnavailable
│   ├── SchemaNewer
│   ├── Duplicate
│   └── StoreUnavailable    a vector store beside the database
├── DocumentError           a file that cannot be read
│   ├── DocumentUnsupported
│   ├── DocumentUnreadable
│   ├── SourceUnreadable
│   ├── SourceVanished
│   └── SourceBusy
├── FetchError              what an address names could not be fetched
│   ├── AddressRefused
│   ├── FetchFailed
│   └── FetchTooLarge
├── ModelFilesError         a local model that is missing or not what it should be
└── ServerError             a Steadyhand server did not answer its client
    ├── ServerUnavailable
    └── ServerProtocol
"""


class SteadyhandError(Exception):
    """Something broke on our side; the log has the story."""

    code = "internal"
    status = 500  # what the HTTP API answers
    is_retryable = False  # may the same call succeed later?
    run_id = ""  # of the run that ended this way, where there was one

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SteadyhandError):
    """The caller asked for something that cannot be."""

    code, status = "usage", 400


class NotFound(UsageError):
    """There is no such feature, run, knowledge base, page, model or file."""

    code, status = "not_found", 404


class InvalidInput(UsageError):
    """The input does not fit its schema."""

    code, status = "input.invalid", 422


class InputTooLarge(UsageError):
    """The body of a request is too large."""

    code, status = "input.too_large", 413


class InputNotJson(UsageError):
    """A body of another media type than `application/json`."""

    code, status = "input.not_json", 415


class ContractInvalid(UsageError):
    """A contract has faults and never was good."""

    code, status = "contract.invalid", 500


class WrongEmbedder(UsageError):
    """A knowledge base holds vectors of another embedder."""

    code, status = "knowledge.wrong_embedder", 409


class WorkspaceInvalid(UsageError):
    """The settings of the workspace have faults."""

    code, status = "workspace.invalid", 500


class AccessError(SteadyhandError):
    """The caller may not do this."""

    code, status = "access", 403


class Unauthenticated(AccessError):
    """No key was shown, or one that is unknown or revoked."""

    code, status = "access.unauthenticated", 401


class Forbidden(AccessError):
    """The key's role may not do this."""

    code, status = "access.forbidden", 403


class ProviderError(SteadyhandError):
    """A model did not answer."""

    code, status = "provider", 502


class ProviderTimeout(ProviderError):
    """The provider did not answer in time."""

    code, status, is_retryable = "provider.timeout", 504, True


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, has a fault of its own, or broke off."""

    code, status, is_retryable = "provider.unavailable", 502, True


class ProviderRateLimited(ProviderError):
    """The provider asks to slow down. `retry_after_s` is how long; None when it does not say."""

    code, status, is_retryable = "provider.rate_limited", 503, True

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class ProviderRefused(ProviderError):
    """The provider will not serve this request: a wrong key, an unknown model, a filter.

    `vendor_status` is the HTTP status that says why: that of its answer, or the one that fits what it says better,
    as 402 for an empty account; 0 where it was not asked.
    """

    code, status = "provider.refused", 502

    def __init__(self, message: str, *, hint: str = "", vendor_status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.vendor_status = vendor_status


class ParameterRefused(ProviderRefused):
    """The provider does not know one `parameter` of the request; it may serve the same request without it."""

    def __init__(self, message: str, *, hint: str = "", vendor_status: int = 0, parameter: str) -> None:
        super().__init__(message, hint=hint, vendor_status=vendor_status)
        self.parameter = parameter


class ProviderProtocol(ProviderError):
    """The provider answered something its dialect does not allow."""

    code, status, is_retryable = "provider.protocol", 502, True


class StreamBroken(ProviderError):
    """An answer broke off when part of it had been sent, and no other model could continue it."""

    code, status, is_retryable = "provider.stream_broken", 502, True


class OutputInvalid(SteadyhandError):
    """A model's text holds no JSON object."""

    code, status, is_retryable = "output.invalid", 502, True


class RunTimeout(SteadyhandError):
    """A run was not done within the contract's time."""

    code, status, is_retryable = "run.timeout", 504, True


class RunCancelled(SteadyhandError):
    """Whoever asked for a run broke it off; it is recorded, and what was called is in its rows."""

    code, status, is_retryable = "run.cancelled", 503, True


class OutputRejected(SteadyhandError):
    """No output passed the contract's checks."""

    code, status, is_retryable = "output.rejected", 502, True


class ReviewPending(SteadyhandError):
    """A person decides first, and the caller's dialect has no words for waiting; the run's id is in the error."""

    code, status = "run.review", 422


class KnowledgeChanged(SteadyhandError):
    """What an answer was made from was deleted, changed or closed to the caller before the answer could leave."""

    code, status, is_retryable = "knowledge.changed", 503, True


class NoModel(SteadyhandError):
    """No model may, or could, serve the run."""

    code, status, is_retryable = "model.none", 503, True


class BudgetExceeded(SteadyhandError):
    """A feature, key or user has spent what it may."""

    code, status = "budget.exceeded", 402


class RateLimited(SteadyhandError):
    """A minute's requests or tokens are used up, or too much is asked at once. `retry_after_s`: for how long."""

    code, status, is_retryable = "rate.limited", 429, True

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class StorageError(SteadyhandError):
    """The database refused, or a backup failed."""

    code, status = "storage", 503


class DiskFull(StorageError):
    """The disk is full."""

    code, status, is_retryable = "storage.disk_full", 507, True


class NotWritable(StorageError):
    """A folder or the database cannot be written."""

    code, status = "storage.not_writable", 503


class DatabaseUnavailable(StorageError):
    """The database does not answer or does not start."""

    code, status, is_retryable = "storage.unavailable", 503, True


class SchemaNewer(StorageError):
    """The database was made by a newer Steadyhand."""

    code, status = "storage.schema_newer", 503


class Duplicate(StorageError):
    """A row with this key is there already."""

    code, status = "storage.duplicate", 409


class StoreUnavailable(StorageError):
    """A vector store does not answer, or not in time; PostgreSQL has everything that it holds."""

    code, status, is_retryable = "store.unavailable", 503, True


class DocumentError(SteadyhandError):
    """A file cannot be read."""

    code, status = "document", 422


class DocumentUnsupported(DocumentError):
    """There is no reader for this kind of file."""

    code, status = "document.unsupported", 415


class DocumentUnreadable(DocumentError):
    """The file is empty, broken, protected, or not what its name says."""

    code, status = "document.unreadable", 422


class SourceUnreadable(DocumentError):
    """A source of a knowledge base cannot be listed; nothing was removed."""

    code, status, is_retryable = "source.unreadable", 503, True


class SourceVanished(DocumentError):
    """Most of a source's documents are gone at once, as when a share is not mounted; nothing was removed."""

    code, status = "source.vanished", 409


class SourceBusy(DocumentError):
    """Another process brings the source in step and has taken over; nothing is lost."""

    code, status, is_retryable = "source.busy", 409, True


class FetchError(SteadyhandError):
    """What an address names could not be fetched."""

    code, status = "fetch", 502


class AddressRefused(FetchError):
    """An address that must not be asked: of this network, of another scheme or port, or with a password."""

    code, status = "fetch.refused", 403


class FetchFailed(FetchError):
    """No whole answer came in time."""

    code, status, is_retryable = "fetch.failed", 502, True


class FetchTooLarge(FetchError):
    """The answer is larger than is read."""

    code, status = "fetch.too_large", 502


class ModelFilesError(SteadyhandError):
    """A local model is missing or not what it should be."""

    code, status = "model.files", 503


class ServerError(SteadyhandError):
    """A Steadyhand server did not answer its client."""

    code, status = "server", 502


class ServerUnavailable(ServerError):
    """Nobody answered at the server's address, or not in time."""

    code, status, is_retryable = "server.unavailable", 503, True


class ServerProtocol(ServerError):
    """Something answered that is no Steadyhand server, or one that speaks differently."""

    code, status = "server.protocol", 502


def of_code(code: str, within: type[SteadyhandError] = SteadyhandError) -> type[SteadyhandError] | None:
    """The class that a code stands for; None for a code that is not of this tree."""
    if vars(within).get("code") == code:
        return within
    return next((found for child in within.__subclasses__() if (found := of_code(code, child))), None)
