"""What every change of a state by wealist itself keeps to: the right account, Terraform's own lock, a line in the ledger."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import ledger, verdict
from orchestrator.artifacts import check_home, prepare_home
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


def check_account(layer: Layer, target: Target, config: Config) -> None:
    """Refuse to work on a layer with credentials of another account than the one that is pinned.

    Raises:
        PreflightError: They are of another.
        AwsError: AWS said no.
    """
    if verdict.pin_of(layer, config) is not None:
        # The identity that preflight looks at as well: the one that Terraform's providers use.
        account = who_am_i(Session(target.aws), layer.backend.region).account
        verdict.refuse_other_account(layer, config, account, target)


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
        check_account(layer, target, config)
        session = Session(target.aws, backend=layer.backend)
        return cls(layer=layer, target=target, session=session, redact=redact or Redactor())

    @property
    def backend(self) -> Backend:
        return self.layer.backend

    @property
    def has_lock(self) -> bool:
        """Whether the backend block asks for one; without it nobody is kept from writing at the same time."""
        return bool(self.backend.dynamodb_table or self.backend.use_lockfile)

    def command(self, *words: str) -> str:
        """A wealist command about this layer, whose name comes last, to be shown to a person."""
        return self.target.command(*words, self.layer.id)

    @contextmanager
    def locked(self, doing: str, *, command: str | None = None) -> Iterator[None]:
        """Hold the state's lock, as Terraform would, where it has one; only this very lock is given back.

        Args:
            doing: `restore`, `mend` or `rotation`.
            command: What is written into the lock, where it is not `wealist state` and that word.

        Raises:
            StateLockedError: Somebody else holds it.
            StateError: It could not be given back; what was done in between is done.
        """
        operation = f"OperationType{doing.capitalize()}"
        text = lock_info(self.backend, who=who(), operation=operation, note=note(command or f"wealist state {doing}"))
        try:
            taken = take(self.session, self.backend, text)
        except StateLockedError as error:
            hint = f"wait for it; is its holder alive? {self.command('locks')}"
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
            self._add(failed, left, otherwise=f"the {doing} is done, but {left}", hint=self.command("unlock"))

    def _add(self, failed: BaseException | None, text: str, *, otherwise: str, hint: str | None = None) -> None:
        """Tell of something that went wrong after something else, which stays the first to be told.

        Raises:
            StateError: Nothing else went wrong, or something that can't be added to.
        """
        if failed is None:
            raise StateError(f"{self.layer.id}: {otherwise}", hint=hint)
        if not isinstance(failed, WealistError):
            first = "interrupted" if isinstance(failed, KeyboardInterrupt) else str(failed) or type(failed).__name__
            raise StateError(f"{self.layer.id}: {first}; and {text}", hint=hint) from failed
        failed.message = f"{failed.message}; and {text}"
        failed.args = (failed.message,)
        failed.hint = failed.hint or hint

    def prepare(self) -> None:
        """Make sure that what is done can be written down, before it is done."""
        check_home(self.target.home, self.target.environ)
        prepare_home(self.target.home)

    def record(self, event: str, **details: Any) -> None:
        """Write down in the ledger who did what.

        Raises:
            StateError: It could not be; what was done is done.
        """
        with self.recorded(event, **details):
            pass

    @contextmanager
    def recorded(self, event: str, **details: Any) -> Iterator[None]:
        """Write down in the ledger who did what, however the block ends; what goes wrong in it is told first.

        Raises:
            StateError: It could not be; what was done is done.
        """
        failed: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failed = error
            raise
        finally:
            entry = {"event": event, "target": self.target.name, "layer": self.layer.id, "by": who()}
            try:
                ledger.append(self.target.home, {**entry, **details}, self.redact)
            except OSError as error:
                left = f"that could not be written to the ledger: {error.strerror or error}"
                self._add(failed, left, otherwise=f"{event}, but {left}", hint="check permissions and free space")

    def changed(self, what: str) -> GuardError:
        """What was shown is not what is there any more."""
        return GuardError(f"{self.layer.id}: {what} changed after it was shown, so nothing was done", hint="look again")
