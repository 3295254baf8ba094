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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator import lookup
from orchestrator.aws.replication_group import SETTING, WAIT, read_group, set_token, wait_until_changed
from orchestrator.aws.secrets import move_stage, read_versions
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_object
from orchestrator.custody import Custody
from orchestrator.delivery import RETIRED, Delivery, Phase
from orchestrator.errors import (
    AwsError,
    GuardError,
    PreflightError,
    RunError,
    SecretError,
    StateError,
    UsageError,
    WealistError,
)
from orchestrator.plan import Action
from orchestrator.report import Outcome
from orchestrator.run import RunOptions
from orchestrator.state import attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.aws.replication_group import ReplicationGroup
    from orchestrator.aws.secrets import Secret
    from orchestrator.config import RotationConfig
    from orchestrator.discovery import Estate
    from orchestrator.engine import Engine
    from orchestrator.layer import Layer
    from orchestrator.plan import Plan, ResourceChange
    from orchestrator.redaction import Redactor
    from orchestrator.report import RunReport
    from orchestrator.run import Confirm, Proposal
    from orchestrator.target import Target

_TOKEN_ATTRIBUTES = frozenset({"auth_token", "auth_token_update_strategy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where the rotation of a secret stands; nothing is changed until `rotate` or `finish` is called.

    Attributes:
        name: What wealist.yaml calls the secret.
        group: What takes its value.
        delivery: What the group has of the secret.
    """

    name: str
    layer: Layer
    group: ReplicationGroup
    delivery: Delivery
    _addresses: RotationConfig = field(repr=False)
    _secret: Secret = field(repr=False)
    _token: str = field(repr=False)
    _estate: Estate = field(repr=False)
    _custody: Custody = field(repr=False)

    @property
    def phase(self) -> Phase:
        return self.delivery.phase

    @property
    def is_single(self) -> bool:
        return self.delivery.is_single

    @property
    def version(self) -> str:
        """The current version of the secret."""
        return self.delivery.current.id

    @property
    def previous(self) -> str | None:
        """The version before the newest that the group was given, where there is one."""
        return self.delivery.before.id if self.delivery.before else None

    def check(self, *, drop_oldest: bool = False) -> None:
        """Refuse what AWS would refuse half-way, and what would cut clients off.

        Args:
            drop_oldest: Rotate although the last rotation is not finished: the oldest of three tokens is dropped.

        Raises:
            PreflightError: The group can't take a token now.
            GuardError: The last rotation is not finished.
        """
        if not self.group.has_token:
            raise PreflightError(
                f"{self.group.id} asks for no AUTH token, and would go on to let clients in without one",
                hint=self.command(f"up {self.layer.id}"),
            )
        self._check_ready()
        if not (self.is_single or drop_oldest):
            raise GuardError(
                f"the last rotation of {self.name} is not finished: {self.group.id} accepts two tokens and AWS keeps "
                "no third, so that clients that still use the older one would be cut off",
                hint=f"once every client has the new one: {self.command(f'secrets rotate {self.name} --finish')}; "
                "to cut them off: --drop-oldest",
            )

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

        def confirm_token(proposal: Proposal) -> bool:
            self._check_plan(proposal.plan)
            # Somebody may have rotated since; what is done from now on makes the plan stale.
            self._again().check(drop_oldest=drop_oldest)
            return confirm(proposal)

        try:
            report = engine.rotate(self.layer.id, options, secret=self.name, confirm=confirm_token)
        except RunError as error:
            error.hint = self._way_on(error.hint)
            raise
        if report.results[0].outcome is Outcome.NO_CHANGES:
            raise SecretError(f"{self.name} was not rotated: the plan changes nothing", hint=self._unlinked)
        if report.results[0].outcome is Outcome.APPLIED:
            after = self._again()
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
        session, finish = Session(self._custody.target.aws), self.command(f"secrets rotate {self.name} --finish")
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
            told = f"{finish} waits for its end"
            raise WealistError(
                f"AWS was told to leave {self.group.id} with the current value alone (SET), and took it, but its end was not "
                f"seen: {error.message}",
                hint=f"{error.hint}; then {told}" if error.hint else told,
            ) from error
        return True

    def check_finish(self) -> None:
        """Refuse what would cut every client off.

        Raises:
            GuardError: The current value never reached the group.
            PreflightError: The group can't be changed now.
        """
        if self.phase is Phase.UNDELIVERED:
            raise GuardError(
                f"{self.group.id} was not given the current value of {self.name}, "
                "so that leaving nothing else would cut every client off",
                hint=self._undelivered,
            )
        if self.phase is Phase.OPEN:
            self._check_ready()

    def command(self, words: str) -> str:
        """A wealist command, to be shown to a person."""
        return self._custody.target.command(words)

    def _way_on(self, hint: str | None) -> str:
        """What to do after a run that failed; never `resume`, which would make a third value where the second arrived."""
        rotate = self.command(f"secrets rotate {self.name}")
        try:
            now = self._again()
        except WealistError:
            told = f"{rotate} --finish tells whether the new value reached {self.group.id}"
            return f"{hint}; then {told}" if hint else told
        if now.group.changing:
            return (
                f"AWS took the new value and is still at it: {now.group.id} is {now.group.doing}. Wait, let every client read "
                f"the secret again, then {rotate} --finish"
            )
        if now.phase is Phase.UNDELIVERED:
            return self._undelivered
        if now.version != self.version:
            with suppress(WealistError):
                self._record_rotated(now)
            return (
                f"the new value arrived all the same, and {now.group.id} accepts both: let every client read the secret "
                f"again, then {rotate} --finish"
            )
        return hint or f"nothing was rotated; once its reason is mended: {rotate}"

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

    def _check_plan(self, plan: Plan) -> None:
        beyond = [what for change in plan.changes if change.is_shown for what in self._beyond(change)]
        if beyond:
            raise GuardError(
                f"{self.layer.id}: the plan of the rotation changes more than the token: {', '.join(beyond)}",
                hint=f"first {self.command(f'up {self.layer.id}')}, or give the values that it was last given",
            )
        shown = {change.address: change for change in plan.changes if change.is_shown}
        replace, target = self._addresses.replace, self._addresses.target
        if replace not in shown:
            raise GuardError(
                f"{self.layer.id}: the plan of the rotation makes no new value: {replace} is not in it",
                hint=self._unlinked,
            )
        given = shown[target].attribute_changes() if target in shown else ()
        if "auth_token" not in {attribute.path for attribute in given}:
            raise GuardError(
                f"{self.layer.id}: the plan of the rotation makes a new value, and {target} would not be given it",
                hint=self._unlinked,
            )

    def _beyond(self, change: ResourceChange) -> tuple[str, ...]:
        """What a change is beyond a new token."""
        if change.address == self._addresses.replace and change.action is Action.REPLACE:
            return ()
        if change.address != self._addresses.target or change.action is not Action.UPDATE:
            return (change.address,)
        paths = (attribute.path for attribute in change.attribute_changes())
        return tuple(f"{change.address}.{path}" for path in paths if path not in _TOKEN_ATTRIBUTES)

    def _check_ready(self) -> None:
        if not self.group.is_ready:
            raise PreflightError(
                f"{self.group.id} is {self.group.doing}, and AWS changes a token only while it is available; "
                "nothing was started",
                hint="wait for it: aws elasticache wait replication-group-available "
                f"--replication-group-id {self.group.id}",
            )

    def _again(self) -> Rotation:
        custody = self._custody
        return prepare_rotation(self._estate, self.name, custody.target, redact=custody.redact)

    @property
    def _label_is_on(self) -> str | None:
        return self.delivery.retired.id if self.delivery.retired else None

    @property
    def _mark(self) -> str:
        off = f" --remove-from-version-id {self._label_is_on}" if self._label_is_on else ""
        return (
            f"aws secretsmanager update-secret-version-stage --secret-id {self._secret.arn} "
            f"--version-stage {RETIRED} --move-to-version-id {self.previous}{off}"
        )

    @property
    def _unlinked(self) -> str:
        return (
            f"in the HCL, auth_token of {self._addresses.target} has to come from {self._addresses.replace}; both addresses "
            f"stand in wealist.yaml, at secrets.{self.name}.rotation"
        )

    @property
    def _undelivered(self) -> str:
        return (
            f"{self.command(f'secrets rotate {self.name}')} makes another that it accepts; until then it refuses whoever "
            "reads the secret anew, and a plan may find nothing to change"
        )


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
    addresses = rotation_of(estate, name, target)
    config = lookup.secret_config(estate, name)
    layer = estate.layer(config.layer)
    custody = Custody.over(layer, target, estate.config, redact)
    secret = lookup.find_secret(estate, name, target)
    found = read_object(custody.session, custody.backend)
    assert found is not None, "the secret was found through it"
    state = found.state()
    token = secret.value(config.field)
    custody.redact.add({secret.text, token, *state.secrets})
    custody.redact.allow(state.public)
    written, taker = (_held(found.body, address, name, layer) for address in (addresses.replace, addresses.target))
    session = Session(target.aws)
    group = read_group(session, taker["id"], taker["arn"].split(":")[3])
    if group is None:
        raise SecretError(
            f"secret {name}: the replication group {taker['id']} is in the state of {layer.id}, and AWS has none",
            hint=target.command(f"plan {layer.id}"),
        )
    delivery = Delivery.tell(
        read_versions(session, secret),
        group,
        current_id=secret.version_id,
        written_id=written["version_id"],
        is_in_state=token == taker.get("auth_token"),
    )
    return Rotation(
        name=name,
        layer=layer,
        group=group,
        delivery=delivery,
        _addresses=addresses,
        _secret=secret,
        _token=token,
        _estate=estate,
        _custody=custody,
    )


def rotation_of(estate: Estate, name: str, target: Target) -> RotationConfig:
    """What wealist.yaml says of a secret's rotation.

    Raises:
        UsageError: No such secret, or not one that wealist rotates.
    """
    found = lookup.secret_config(estate, name).rotation
    if found.managed_by:
        raise UsageError(
            f"{name} is rotated by {found.managed_by} itself, and has nothing to be rotated here",
            hint=f"{target.command(f'secrets {name}')} is always the current value: read it when connecting",
        )
    if found.replace is None:
        raise UsageError(
            f"wealist.yaml does not say how {name} is rotated",
            hint=f"secrets.{name}.rotation: {{ replace: ADDRESS, target: ADDRESS }}, or {{ managed_by: NAME }}",
        )
    return found


def _held(body: bytes, address: str | None, name: str, layer: Layer) -> dict[str, Any]:
    assert address is not None
    found = attributes(body, address)
    if found is None:
        raise SecretError(
            f"secret {name}: {layer.id} has no {address} in its state",
            hint=f"check secrets.{name}.rotation in wealist.yaml",
        )
    return found
