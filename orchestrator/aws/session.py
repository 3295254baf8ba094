"""The way to AWS: a boto3 session made from settings, and one place where botocore's errors become ours.

With fixed credentials the session is hermetic: configuration and credential files are the null device, there is no
profile, and proxies are left out, so that a rehearsal can't reach a real account even where the shell is full of keys.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property, partial
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from orchestrator.environment_secrets import SHORTEST_KEY
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import boto3

    from orchestrator.layer import Backend
    from orchestrator.target import AwsSettings

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
NO_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
REJECTED = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation", "Forbidden", "403"}
)
UNREACHABLE = frozenset(
    {
        *(
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ConnectionClosedError",
            "ProxyConnectionError",
            "SSLError",
        ),
        *("ProfileNotFound", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"),
    }
)
NO_WAY = UNREACHABLE | EXPIRED | NO_CREDENTIALS | REJECTED
"""What every other call of the same identity to the same service would say as well."""

THREADS = 64
"""Calls that may be under way at once. A client keeps as many connections; botocore's own 10 would make the others wait."""

_CONNECT_TIMEOUT = 5.0
_READ_TIMEOUT = 20.0
_SESSION_NAME = "wealist"


class Session:
    """Clients for one set of settings. Clients are kept; making one takes tens of milliseconds.

    Any thread may ask for one. boto3 does not promise that making them is thread-safe, so one is made at a time.
    """

    def __init__(self, settings: AwsSettings, *, backend: Backend | None = None) -> None:
        """A session; with a backend, one with the identity that Terraform's backend uses: its profile, its role."""
        self.settings = settings
        self._backend = None if settings.is_hermetic else backend
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def client(self, service: str, region: str) -> Any:
        """A boto3 client.

        Raises:
            AwsError: The session can't be made: an unknown profile, an unusable configuration file.
        """
        key = (service, region)
        with self._lock:
            if key not in self._clients:
                with translated(f"making the {service} client"):
                    self._clients[key] = self._make(service, region)
            return self._clients[key]

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config

        return self._boto3.client(
            service,
            region_name=region,
            endpoint_url=self.settings.endpoint_url,
            config=Config(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                max_pool_connections=THREADS,
                retries={"mode": "standard", "total_max_attempts": 3},
                proxies={} if self.settings.is_hermetic else None,
                s3={"addressing_style": "path"} if self.settings.endpoint_url else None,
            ),
        )

    @property
    def botocore(self) -> Any:
        """The botocore session below it: for what boto3 does not show of credentials and configuration.

        Raises:
            BotoCoreError: An unknown profile, an unusable configuration file.
        """
        return self._boto3._session  # noqa: SLF001 - boto3 has no other way to it

    def secrets(self) -> tuple[str, ...]:
        """The key and the token of the credentials in use, for a redactor; none where nothing was asked for yet."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self.settings.is_hermetic or "_boto3" not in self.__dict__:
            return ()
        try:
            credentials = self._boto3.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError):
            return ()
        texts = (frozen.secret_key, frozen.token) if frozen else ()
        return tuple(text for text in texts if text and len(text) >= SHORTEST_KEY)

    @cached_property
    def _boto3(self) -> boto3.Session:
        # Imported here: start-up of the command line is measured.
        import boto3

        if self.settings.is_hermetic:
            return boto3.Session(
                aws_access_key_id=self.settings.access_key,
                aws_secret_access_key=self.settings.secret_key,
                botocore_session=_hermetic_botocore(),
            )
        backend = self._backend
        session = boto3.Session(profile_name=(backend and backend.profile) or self.settings.profile)
        if backend is None or backend.role_arn is None:
            return session
        return boto3.Session(botocore_session=_in_role(session, backend))


class Sessions:
    """One session for each identity that backends ask for."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._default = Session(settings)
        self._sessions: dict[tuple[Any, ...], Session] = {}

    @property
    def default(self) -> Session:
        """The identity that Terraform's providers use, whatever the backend uses for the state."""
        return self._default

    def for_backend(self, backend: Backend) -> Session:
        if not any(backend.identity):
            return self._default
        if backend.identity not in self._sessions:
            self._sessions[backend.identity] = Session(self.settings, backend=backend)
        return self._sessions[backend.identity]

    def secrets(self) -> set[str]:
        """The keys and tokens of all identities, for a redactor."""
        return {text for session in (self._default, *self._sessions.values()) for text in session.secrets()}

    def prepare(self, backends: Iterable[Backend]) -> None:
        """Make the clients that reading these backends takes, so that no thread that reads waits for one to be made.

        Raises:
            AwsError: A client can't be made.
        """
        for backend in backends:
            for service in ("s3", *(("dynamodb",) if backend.dynamodb_table else ())):
                self.for_backend(backend).client(service, backend.region)


def _in_role(session: boto3.Session, backend: Backend) -> Any:
    """A botocore session in the backend's role; it fetches new credentials before the old ones end.

    Raises:
        BotoCoreError, ClientError: The role can't be assumed.
    """
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        partial(session.client, region_name=backend.region),
        source,
        backend.role_arn or "",
        extra_args={"RoleSessionName": _SESSION_NAME, **_as_boto_takes_it(backend.role_arguments)},
    )
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    # Once ahead of the calls: one of theirs that fails would look as if it were denied itself.
    credentials.get_frozen_credentials()
    made = botocore.session.get_session()
    made.register_component("credential_provider", SimpleNamespace(load_credentials=lambda: credentials))
    return made


def _as_boto_takes_it(arguments: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    shapes: dict[str, Callable[[Any], Any]] = {
        "PolicyArns": lambda arns: [{"arn": arn} for arn in arns],
        "Tags": lambda tags: [{"Key": key, "Value": value} for key, value in tags],
        "TransitiveTagKeys": list,
    }
    return {name: shapes[name](value) if name in shapes else value for name, value in arguments}


def _hermetic_botocore() -> Any:
    import botocore.session

    session = botocore.session.Session()
    # Set in the store itself: a session's own variable that is None falls through to the environment's.
    settings = session.get_component("config_store")
    for variable in ("config_file", "credentials_file"):
        settings.set_config_variable(variable, os.devnull)
    for variable in ("profile", "ca_bundle"):
        settings.set_config_variable(variable, None)
    return session


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn botocore's errors into `AwsError`; its code is the service's, or the exception's name."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "Unknown")), str(details.get("Message", ""))
        raise AwsError(f"{doing}: {code}: {message}".rstrip(": "), code=code, hint=remedy(code)) from error
    except BotoCoreError as error:
        code = type(error).__name__
        raise AwsError(f"{doing}: {error}", code=code, hint=remedy(code)) from error


def remedy(code: str) -> str | None:
    """What a person does about an error code that has to do with credentials or the way to AWS."""
    if code in EXPIRED or code in ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"):
        return "your credentials have expired: aws sso login, or fetch new ones"
    if code in NO_CREDENTIALS:
        return "no credentials: aws configure sso, or set AWS_PROFILE; with no account: add --sandbox"
    if code in REJECTED:
        return "AWS does not know these keys: aws sts get-caller-identity"
    if code == "ProfileNotFound":
        return "aws configure list-profiles"
    if code in ("EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ProxyConnectionError"):
        return "AWS can't be reached from here: check network, proxy and region"
    return None
