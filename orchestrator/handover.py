"""What a replication group has of a secret: where a rotation stands, and what may be done from there.

It is read from AWS and from Terraform's state at one moment, and changes nothing. `rotation` goes on from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator import lookup, shell
from orchestrator.aws.replication_group import read_group
from orchestrator.aws.secrets import read_versions
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_object
from orchestrator.custody import Custody
from orchestrator.delivery import RETIRED, Delivery, Phase
from orchestrator.errors import GuardError, PreflightError, SecretError, UsageError
from orchestrator.state import attributes

if TYPE_CHECKING:
    from typing import Self

    from orchestrator.aws.replication_group import ReplicationGroup
    from orchestrator.aws.secrets import Secret
    from orchestrator.config import RotationConfig
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.redaction import Redactor
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A secret, the group that takes its value, and how far the value has come.

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

    @classmethod
    def look(cls, estate: Estate, name: str, target: Target, *, redact: Redactor | None = None) -> Self:
        """Look at where the rotation of a secret stands; nothing is changed.

        Args:
            redact: Learns the values that are come across.

        Raises:
            UsageError: No such secret, or not one that wealist rotates.
            SecretError: The layer was never applied, or the secret or what takes it can't be had.
            LayerOrderError: Another layer keeps its state there too.
            PreflightError: The credentials are of another account than the one that is pinned.
            AwsError: AWS said no.
        """
        addresses = rotation_of(estate, name, target)
        config = lookup.secret_config(estate, name)
        layer = estate.layer(config.layer)
        estate.refuse_shared_state(layer)
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
                hint=target.command("plan", layer.id),
            )
        delivery = Delivery.tell(
            read_versions(session, secret),
            group,
            current_id=secret.version_id,
            written_id=written["version_id"],
            is_in_state=token == taker.get("auth_token"),
        )
        return cls(
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
                hint=self.command("up", self.layer.id),
            )
        self._check_ready()
        if not (self.is_single or drop_oldest):
            raise GuardError(
                f"the last rotation of {self.name} is not finished: {self.group.id} accepts two tokens and AWS keeps "
                "no third, so that clients that still use the older one would be cut off",
                hint=f"once every client has the new one: {self.command('secrets', 'rotate', self.name, '--finish')}; "
                "to cut them off: --drop-oldest",
            )

    def check_finish(self) -> None:
        """Refuse what would cut every client off.

        Raises:
            GuardError: The current value never reached the group.
            PreflightError: The group can't be changed now.
        """
        if self.phase is not Phase.SETTLED:
            # First of all: what AWS is still at may only look undelivered.
            self._check_ready()
        if self.phase is Phase.UNDELIVERED:
            raise GuardError(
                f"{self.group.id} was not given the current value of {self.name}, "
                "so that leaving nothing else would cut every client off",
                hint=self._undelivered,
            )

    def command(self, *words: str) -> str:
        """A wealist command, to be shown to a person."""
        return self._custody.target.command(*words)

    def _check_ready(self) -> None:
        if not self.group.is_ready:
            raise PreflightError(
                f"{self.group.id} is {self.group.doing}, and AWS changes a token only while it is available; "
                "nothing was started",
                hint="wait for it: aws elasticache wait replication-group-available "
                f"--replication-group-id {shell.quoted(self.group.id)}",
            )

    @property
    def _label_is_on(self) -> str | None:
        return self.delivery.retired.id if self.delivery.retired else None

    @property
    def _mark(self) -> str:
        off = ("--remove-from-version-id", self._label_is_on) if self._label_is_on else ()
        words = (
            "--secret-id",
            self._secret.arn,
            "--version-stage",
            RETIRED,
            "--move-to-version-id",
            self.previous,
            *off,
        )
        return shell.command("aws", "secretsmanager", "update-secret-version-stage", *words)

    @property
    def _undelivered(self) -> str:
        return (
            f"{self.command('secrets', 'rotate', self.name)} makes another that it accepts; until then it refuses whoever "
            "reads the secret anew, and a plan may find nothing to change"
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
            hint=f"{target.command('secrets', name)} is always the current value: read it when connecting",
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
