"""Setting a stale digest right: the one in the lock table becomes that of the state that is there.

Terraform refuses a state whose digest is another. Where the state is what it should be and the digest is not, this is what
is left to do; which of the two it is, `aws.digest` tells from the versions. It happens under Terraform's own lock, and only
if the table still holds the digest, and the bucket the state, that were shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.aws.digest import find_mismatch, write_digest
from orchestrator.aws.state import read_object
from orchestrator.custody import Custody
from orchestrator.errors import AwsError, StateError

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.aws.digest import Mismatch
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.redaction import Redactor
    from orchestrator.state import State
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """A digest that is to be set right; nothing is changed until `run` is called.

    Attributes:
        state: What is there now, and will count; None where there is no state object, and the digest is removed.
        written: When it was written.
    """

    layer: str
    mismatch: Mismatch
    state: State | None
    written: datetime | None
    _custody: Custody = field(repr=False)

    def run(self) -> None:
        """Set it right.

        Raises:
            StateLockedError: Somebody else holds the lock; nothing was done.
            GuardError: State or digest is not the one that was shown any more; nothing was done.
            StateError: It was done, and could not be written down, or the lock not given back.
            AwsError: AWS said no; nothing was done.
        """
        custody, wrong = self._custody, self.mismatch
        custody.prepare()
        with custody.locked("mend"):
            found = read_object(custody.session, custody.backend)
            if (found.digest if found else None) != wrong.actual:
                raise custody.changed("the state")
            try:
                write_digest(custody.session, custody.backend, wrong.actual, instead_of=wrong.recorded)
            except AwsError as error:
                if error.code == "ConditionalCheckFailedException":
                    raise custody.changed("the digest") from error
                raise
            custody.record("mended", digest=wrong.actual, replaced=wrong.recorded)


def prepare_mend(estate: Estate, layer: Layer, target: Target, *, redact: Redactor | None = None) -> Mending | None:
    """Look at what a mend would do, or None where the digest is right, or there is none; nothing is changed.

    Raises:
        StateError: What is there is no state, so that its digest must not be made the right one.
        LayerOrderError: Another layer keeps its state there too.
        PreflightError: The credentials are of another account than the one that is pinned.
        AwsError: AWS said no.
    """
    estate.refuse_shared_state(layer)
    custody = Custody.over(layer, target, estate.config, redact)
    mismatch = find_mismatch(custody.session, custody.backend)
    if mismatch is None:
        return None
    found = read_object(custody.session, custody.backend)
    state: State | None = None
    if found is not None and not found.is_blank:
        try:
            state = found.state()
        except StateError as error:
            error.hint = custody.command("state", "history")
            raise
        custody.redact.add(state.secrets)
        custody.redact.allow(state.public)
    written = found.modified if found else None
    return Mending(layer=layer.id, mismatch=mismatch, state=state, written=written, _custody=custody)
