"""When the credentials of a run end for good: not when they are next renewed, but when that stops working.

What botocore (`botocore.credentials`, `botocore.tokens`) makes of the sources of credentials, and Terraform's SDK as well:

    env                 keys in the environment. Their end is known where AWS_CREDENTIAL_EXPIRATION came with them (`aws
                        configure export-credentials --format env`, aws-vault) or AWS_SESSION_EXPIRATION (older aws-vault).
                        botocore "renews" them from the same variables, which do not change; Terraform does not try.
    sso                 role credentials, renewed with the token of `aws sso login`. A token of an `sso-session` is renewed
                        itself with its refresh token, until the organisation ends the session, which is written nowhere. One
                        of a profile with `sso_start_url` and no `sso_session`, or without a refresh token, ends and stays so.
    assume-role         renewed from what it is assumed with: `source_profile` is followed, `credential_source =
                        Environment` is `env`.
    web identity, container, instance, process
                        renewed from a file, an address or a program that somebody else keeps fresh: no end.
    login               renewed with a refresh token (`aws login`); its end is written nowhere.
    static keys         no end that is written down, not even where a session token stands beside them.

So there is an end to tell for `env`, and for `sso` without a way to renew its token. Role credentials that were fetched just
before the token ended live on; whichever is later counts. Nothing here calls AWS: the file of the token is read, and what
botocore has fetched by then.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import payload, shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.aws.session import Session

_VARIABLES = ("AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION")
_NEW_KEYS = "fetch new session credentials and export them again; those in the environment don't renew themselves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """The end of credentials.

    Attributes:
        remedy: How to get new ones.
    """

    at: datetime
    remedy: str


def read_expiry(session: Session, environ: Mapping[str, str]) -> Expiry | None:
    """When the session's credentials end for good; None where they don't, or it can't be told.

    Args:
        environ: The environment that the credentials may be in.
    """
    from botocore.exceptions import BotoCoreError

    if session.settings.is_hermetic:
        return None
    try:
        botocore = session.botocore
        credentials = botocore.get_credentials()
        method = getattr(credentials, "method", None)
        profiles, sessions = botocore.full_config["profiles"], botocore.full_config.get("sso_sessions", {})
        name = botocore.get_config_variable("profile") or "default"
    except BotoCoreError:
        # Another check says so, in the words of who needed it.
        return None
    if method == "env":
        return _of_environment(environ)
    if method not in ("sso", "assume-role"):
        return None
    for source, profile in _sources(profiles, name):
        if profile.get("credential_source") == "Environment":
            return _of_environment(environ)
        if "sso_start_url" in profile or "sso_session" in profile:
            fetched = getattr(credentials, "_expiry_time", None) if source == name else None
            return _of_sso(source, profile, sessions, fetched)
    return None


def _sources(profiles: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A profile, and those that it is assumed with."""
    seen: set[str] = set()
    while name in profiles and name not in seen:
        seen.add(name)
        yield name, profiles[name]
        name = profiles[name].get("source_profile", "")


def _of_environment(environ: Mapping[str, str]) -> Expiry | None:
    for variable in _VARIABLES:
        at = _moment(environ.get(variable))
        if at is not None:
            return Expiry(at=at, remedy=_NEW_KEYS)
    return None


def _of_sso(
    name: str, profile: Mapping[str, Any], sessions: Mapping[str, Any], fetched: datetime | None
) -> Expiry | None:
    sso_session = profile.get("sso_session")
    token = _token(sso_session or profile.get("sso_start_url", ""))
    if sso_session in sessions and token.get("refreshToken") and token.get("clientId"):
        return None
    at = _moment(token.get("expiresAt"))
    if at is None:
        return None
    return Expiry(
        at=max(at, fetched) if fetched else at, remedy=shell.command("aws", "sso", "login", "--profile", name)
    )


def _token(key: str) -> Mapping[str, Any]:
    """What `aws sso login` left behind for a session's name, or for a start URL."""
    name = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
    with suppress(OSError, ValueError, RuntimeError):
        token = payload.load((Path.home() / ".aws" / "sso" / "cache" / f"{name}.json").read_text(encoding="utf-8"))
        return token if isinstance(token, dict) else {}
    return {}


def _moment(text: object) -> datetime | None:
    """`2026-01-02T03:04:05Z`, `...UTC` as older tokens have it, or with an offset."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace("UTC", "Z"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
