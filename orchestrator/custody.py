"""What every change of a state by wealist itself keeps to: the right account, Terraform's own lock, a line in the ledger."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import ledger, verdict
from orchestrator.artifacts import prepare_home
from orchestrator.aws.identity import who_am_i
from orchestrator.aws.lock import lock_info, release, take
from orchestrator.aws.session import Session
from orchestrator.errors import GuardError, StateError, StateLockedError, WealistError
from orchestrator.holder import note, who
from orchestrator.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.config import Config
    from orchestrator.layer import Backend, Layer
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """A layer whose state is to be changed, and the way to it.

    Attributes:
        session: With the backend's identity.
        redact: Stands on what goes to the ledger.
    """

    layer: Layer
    target: Target
    session: Session
    redact: Redactor

    @classmethod
    def over(cls, layer: Layer, target: Target, config: Config, redact: Redactor | None = None) -> Custody:
        """Start to work on a layer's state; nothing is changed yet.

        Raises:
            PreflightError: The credentials are of another account than the one that is pinned.
            AwsError: AWS said no.
        """
        if layer.environment in config.accounts:
            # The identity that preflight looks at as well: the one that Terraform's providers use.
            account = who_am_i(Session(target.aws), layer.backend.region).account
            verdict.refuse_other_account(layer, config, account, target)
        session = Session(target.aws, backend=layer.backend)
        return cls(layer=layer, target=target, session=session, redact=redact or Redactor())

    @property
    def backend(self) -> Backend:
        return self.layer.backend

    def command(self, words: str) -> str:
        """A wealist command about this layer, to be shown to a person."""
        return self.target.command(words.replace("LAYER", self.layer.id))

    @contextmanager
    def locked(self, doing: str) -> Iterator[None]:
        """Hold the state's lock, as Terraform would; only this very lock is given back.

        Args:
            doing: `restore` or `mend`.

        Raises:
            StateLockedError: Somebody else holds it.
            StateError: It could not be given back; what was done in between is done.
        """
        operation = f"OperationType{doing.capitalize()}"
        text = lock_info(self.backend, who=who(), operation=operation, note=note(f"wealist state {doing}"))
        try:
            taken = take(self.session, self.backend, text)
        except StateLockedError as error:
            hint = f"wait for it; is its holder alive? {self.command('locks LAYER')}"
            raise StateLockedError(f"{self.layer.id}: {error.message}", lock=error.lock, hint=hint) from error
        failed: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failed = error
            raise
        finally:
            self._give_back(taken, doing, failed)

    def _give_back(self, taken: list[Any], doing: str, failed: BaseException | None) -> None:
        try:
            release(self.session, self.backend, taken)
        except WealistError as error:
            left = f"the lock that it took could not be given back: {error.message}"
            if isinstance(failed, WealistError):
                failed.message = f"{failed.message}; and {left}"
                failed.args = (failed.message,)
            elif failed is None:
                message = f"{self.layer.id}: the {doing} is done, but {left}"
                raise StateError(message, hint=self.command("unlock LAYER")) from error

    def prepare(self) -> None:
        """Make sure that what is done can be written down, before it is done."""
        prepare_home(self.target.home)

    def record(self, event: str, **details: Any) -> None:
        """Write down in the ledger who did what."""
        entry = {"event": event, "target": self.target.name, "layer": self.layer.id, "by": who()}
        ledger.append(self.target.home, {**entry, **details}, self.redact)

    def changed(self, what: str) -> GuardError:
        """What was shown is not what is there any more."""
        return GuardError(f"{self.layer.id}: {what} changed after it was shown, so nothing was done", hint="look again")
