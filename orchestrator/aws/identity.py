"""Who these credentials are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.aws.session import translated

if TYPE_CHECKING:
    from orchestrator.aws.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The answer of sts:GetCallerIdentity, which every identity may call."""

    account: str
    arn: str


def who_am_i(session: Session, region: str) -> Identity:
    """Ask AWS who is calling.

    Raises:
        AwsError: No, expired or rejected credentials, or no way to AWS; `code` says which.
    """
    with translated("asking AWS who is calling"):
        answer = session.client("sts", region).get_caller_identity()
    return Identity(account=answer["Account"], arn=answer["Arn"])
