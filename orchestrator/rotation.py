"""Another value for a secret, beside the one that clients have: the AUTH token of an ElastiCache group.

    rotate     the secret's version is replaced, and the group accepts the new token beside the old one (ROTATE):
               Terraform's part, planned and applied as every change is
    finish     once the clients have moved, the group is left with the new token alone (SET): a call to AWS

A client that keeps its token is served throughout. One that reads the secret anew is not, from when the secret has the
new version until ROTATE has ended, which takes AWS minutes: it has to try again, or to read `AWSPREVIOUS`.

The second step is no plan: Terraform's provider keeps the strategy in the state as if it were a setting and makes a call
whenever it differs, so a SET through it would be taken back by the next run, with a call of its own.

Where a rotation stands is read from AWS (`delivery`), so every machine sees the same; the ledger only keeps what was done.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.aws.replication_group import SETTING, WAIT, set_token, wait_until_changed
from orchestrator.aws.secrets import move_stage
from orchestrator.aws.session import Session
from orchestrator.delivery import RETIRED, Phase
from orchestrator.errors import AwsError, RunError, SecretError, StateError, WealistError
from orchestrator.handover import Handover
from orchestrator.report import Outcome
from orchestrator.rotation_plan import Rule
from orchestrator.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.discovery import Estate
    from orchestrator.engine import Engine
    from orchestrator.redaction import Redactor
    from orchestrator.report import RunReport
    from orchestrator.run import Confirm, Proposal
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation(Handover):
    """Where the rotation of a secret stands; nothing is changed until `rotate` or `finish` is called.

    Attributes:
        name: What wealist.yaml calls the secret.
        group: What takes its value.
        delivery: What the group has of the secret.
    """

    def rotate(
        self, engine: Engine, options: RunOptions | None = None, *, confirm: Confirm, drop_oldest: bool = False
    ) -> RunReport:
        """Make a new value and let it be accepted beside the one before: planned, shown, confirmed, applied.

        A plan that changes anything else is refused: with another value for a variable, a rotation would resize the group.
        It is checked as `check` does, before anything is planned and again before the plan is confirmed.

        Raises:
            GuardError: The last rotation is not finished.
            SecretError: Nothing was rotated: the plan changes nothing. Or the group was not given the new value.
            PreflightError, LayerOrderError, StateLockedError, RunError: As for `Engine.up`; the hint says what to do,
                which depends on whether the new value reached the group.
        """
        self.check(drop_oldest=drop_oldest)
        addresses = self._addresses
        assert addresses.replace is not None
        assert addresses.target is not None
        options = replace(options or RunOptions(), replace=(addresses.replace,), targets=(addresses.target,))

        confirmed = False

        def confirm_token(proposal: Proposal) -> bool:
            nonlocal confirmed
            self._rule.check(proposal.plan)
            # Somebody may have rotated since; what is done from now on makes the plan stale.
            self._again().check(drop_oldest=drop_oldest)
            confirmed = confirm(proposal)
            return confirmed

        try:
            report = engine.rotate(self.layer.id, options, secret=self.name, confirm=confirm_token)
        except RunError as error:
            error.hint = self._way_on(error.hint, is_begun=confirmed)
            raise
        if report.results[0].outcome is Outcome.NO_CHANGES:
            raise SecretError(f"{self.name} was not rotated: the plan changes nothing", hint=self._rule.unlinked)
        if report.results[0].outcome is Outcome.APPLIED:
            after = self._look_after()
            if after.phase is Phase.UNDELIVERED:
                raise SecretError(f"{self.group.id} was not given the new value of {self.name}", hint=self._undelivered)
            self._record_rotated(after)
        return report

    def finish(self, *, on_wait: Callable[[str], None] | None = None, timeout: float = WAIT) -> bool:
        """Let the group accept the current value alone, and wait until it does.

        It happens under the state's lock, and only if the secret still has the version that was looked at. Only the
        waiting is left where it was asked for already.

        Args:
            on_wait: Told what the group is at meanwhile.
            timeout: Seconds to wait.

        Returns:
            Whether there was anything to finish.

        Raises:
            GuardError: The current value never reached the group, or is not the one that the layer wrote.
            PreflightError: The group can't be changed now.
            StateLockedError: Somebody else is changing the layer.
            AwsError: AWS said no; nothing was done.
            StateError: It was done, and could not be written down.
            WealistError: AWS took it, and its end was not seen: it takes too long, or AWS could not be asked.
        """
        session, finish = Session(self._custody.target.aws), self.command("secrets", "rotate", self.name, "--finish")
        if self.phase is Phase.SETTLED:
            if self.group.changing != SETTING:
                return False
        else:
            self.check_finish()
            self._custody.prepare()
            with self._custody.locked("rotation", command=finish):
                self._set(session)
        try:
            wait_until_changed(session, self.group, timeout=timeout, on_wait=on_wait)
        except WealistError as error:
            raise WealistError(
                f"AWS was told to leave {self.group.id} with the current value alone (SET), and took it, but its end was not "
                f"seen: {error.message}",
                hint=_joined(error.hint, f"{finish} waits for its end"),
            ) from error
        return True

    def _look_after(self) -> Rotation:
        try:
            return self._again()
        except WealistError as error:
            raise WealistError(
                f"the apply ended well, but what {self.group.id} has of {self.name} could not be looked at: {error.message}",
                hint=_joined(error.hint, self._teller),
            ) from error

    def _way_on(self, hint: str | None, *, is_begun: bool) -> str:
        """What to do after a run that failed; never `resume`, which would make a third value where the second arrived.

        Args:
            hint: What the run says itself, which comes first: a state that was not saved makes the rest look otherwise.
        """
        rotate = self.command("secrets", "rotate", self.name)
        nothing = hint or f"nothing was rotated; once its reason is mended: {rotate}"
        if not is_begun:
            return nothing
        try:
            now = self._again()
        except WealistError:
            return _joined(hint, self._teller)
        if now.version == self.version:
            return nothing
        if now.group.changing:
            told = f"AWS took the new value and is still at it: {now.group.id} is {now.group.doing}. Wait, let every client read "
            return _joined(hint, f"{told}the secret again, then {rotate} --finish")
        if now.phase is Phase.UNDELIVERED:
            return _joined(hint, self._undelivered)
        with suppress(WealistError):
            self._record_rotated(now)
        told = f"the new value arrived all the same, and {now.group.id} accepts both: let every client read the secret again"
        return _joined(hint, f"{told}, then {rotate} --finish")

    @property
    def _teller(self) -> str:
        finish = self.command("secrets", "rotate", self.name, "--finish")
        return f"{finish} tells whether the new value reached {self.group.id}"

    def _record_rotated(self, after: Rotation) -> None:
        self._custody.record("rotated", secret=self.name, version=after.version, previous=after.previous)

    def _set(self, session: Session) -> None:
        now = self._again()
        if (now.version, now.previous, now.phase) != (self.version, self.previous, self.phase):
            raise self._custody.changed(f"secret {self.name}")
        now.check_finish()
        assert self.previous is not None
        details = {"secret": self.name, "version": self.version, "retired": self.previous, "group": self.group.id}
        try:
            set_token(session, self.group, self._token)
        except AwsError as error:
            # AWS does not say with which code it refuses a SET that no ROTATE came before.
            error.hint = error.hint or f"was it set by hand already? then nothing is left but: {self._mark}"
            raise
        with self._custody.recorded("rotation-ended", **details):
            # At once, not after the wait: AWS refuses a second SET, and whoever is interrupted can go on waiting.
            try:
                move_stage(session, self._secret, RETIRED, to=self.previous, off=self._label_is_on)
            except AwsError as error:
                raise StateError(
                    f"{self.group.id} was left with the new token alone, but the older version of {self.name} "
                    f"could not be marked as retired: {error.message}",
                    hint=f"it looks unfinished until it is: {self._mark}",
                ) from error

    def _again(self) -> Rotation:
        custody = self._custody
        return prepare_rotation(self._estate, self.name, custody.target, redact=custody.redact)

    @property
    def _rule(self) -> Rule:
        return Rule(name=self.name, layer=self.layer.id, addresses=self._addresses, command=self.command)


def prepare_rotation(estate: Estate, name: str, target: Target, *, redact: Redactor | None = None) -> Rotation:
    """Look at where the rotation of a secret stands; nothing is changed.

    Args:
        redact: Learns the values that are come across.

    Raises:
        UsageError: No such secret, or not one that wealist rotates.
        SecretError: The layer was never applied, or the secret or what takes it can't be had.
        PreflightError: The credentials are of another account than the one that is pinned.
        AwsError: AWS said no.
    """
    return Rotation.look(estate, name, target, redact=redact)


def _joined(hint: str | None, then: str) -> str:
    return f"{hint}; then {then}" if hint else then
