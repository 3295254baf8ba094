"""Taking a layer down: what dies is shown, with what protects it, and nothing is begun that AWS would refuse half-way.

    destroy plan, shown -> (deletion protection lifted: a plan of its own, shown, confirmed, applied) -> destroy plan, shown,
    confirmed by name, applied

A protected database, a bucket with objects and a repository with images would each stop Terraform in the middle of a
destruction, with half of the layer gone. They are looked at before it starts, and stop it there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator import policy, shell
from orchestrator.aws import contents
from orchestrator.errors import AwsError, GuardError
from orchestrator.finding import Finding, Severity
from orchestrator.plan import Action
from orchestrator.report import Outcome
from orchestrator.run import Kind
from orchestrator.task import forgettings, stop_on, unsound_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.aws.session import Sessions
    from orchestrator.layer import Layer
    from orchestrator.layer_run import LayerRun
    from orchestrator.plan import Plan, ResourceChange
    from orchestrator.state import Held, State


def down(run: LayerRun) -> Outcome:
    """Take the layer down."""
    run.init()
    planned = run.plan(destroy=True)
    if planned is None:
        return Outcome.NO_CHANGES
    findings = _judge(run, planned)
    protected = [change.address for change in planned.changes if policy.is_protected(change)]
    is_lifted = False
    if protected and run.context.options.lift_deletion_protection:
        run.show(planned, findings)
        stop_on(run.layer, [finding for finding in findings if finding.id != "protection.deletion"])
        if not _lift(run, protected):
            return Outcome.DECLINED
        is_lifted = True
        planned = run.plan(destroy=True)
        if planned is None:
            return Outcome.NO_CHANGES
        findings = _judge(run, planned)
    if any(finding.is_error for finding in findings):
        run.show(planned, findings)
        stop_on(run.layer, findings)
    if not run.propose(planned, Kind.DESTROY, findings):
        if is_lifted:
            command = run.context.target.command("up", run.layer.id)
            run.tell(f"the deletion protection is lifted now; {command} puts it back")
        return Outcome.DECLINED
    run.apply(planned)
    return Outcome.APPLIED


def _judge(run: LayerRun, planned: Plan) -> list[Finding]:
    """What there is to say of a destroy plan. The layer's name covers what is destroyed, and not what is only forgotten."""
    guarded = [*unsound_in(run, planned), *forgettings(run, planned)]
    return [*guarded, *policy.protections(planned), *_contents(run, planned)]


def foresee(
    layers: Iterable[Layer], states: Mapping[str, State | None], sessions: Sessions, *, is_lifted: bool
) -> None:
    """Refuse to take several layers down where one of them can't go: the first must not be gone by then.

    Read from the states, with no plan; what a plan shows beyond that is found at the layer's turn.

    Raises:
        GuardError: With the layer, and what stands in the way.
    """
    for layer in layers:
        state = states.get(layer.id)
        for held in state.held if state else ():
            if held.is_protected and not is_lifted:
                raise GuardError(
                    f"{layer.id}: {held.address} is protected against deletion, so nothing was taken down",
                    hint="--lift-deletion-protection lifts it first, as a step of its own",
                )
            if not held.is_forced and _is_full(held, layer, state, sessions):
                raise GuardError(
                    f"{layer.id}: {held.address} is not empty ({held.name}), so nothing was taken down",
                    hint="empty it first",
                )


def _is_full(held: Held, layer: Layer, state: State | None, sessions: Sessions) -> bool:
    """Whether there is something in a bucket or a repository; where that can't be seen, its layer's turn tells."""
    makes_objects = state is not None and any(".aws_s3_object." in f".{address}" for address in state.addresses)
    try:
        if held.type == "aws_s3_bucket":
            keys = contents.object_keys(sessions.default, held.name, layer.backend.region)
            return bool(keys) and not makes_objects
        if held.type == "aws_ecr_repository":
            return contents.has_images(sessions.default, held.name, _region_of(held.arn, layer))
    except AwsError:
        return False
    return False


def _region_of(arn: str, layer: Layer) -> str:
    return arn.split(":")[3] if arn.count(":") >= 5 else layer.backend.region


def _lift(run: LayerRun, addresses: list[str]) -> bool:
    """Lift the deletion protection of these: planned, shown, confirmed and applied like anything else."""
    estate = run.context.estate
    declared = estate.config.guards.deletion_protection
    values = next((declared[name] for name in declared if estate.resolve(name) == run.layer.id), None)
    if not values:
        raise GuardError(
            f"{run.layer.id}: wealist.yaml does not say which variables lift the deletion protection of "
            f"{', '.join(addresses)}",
            hint=f'guards: deletion_protection: {run.layer.id}: {{ VARIABLE: "false" }}',
        )
    planned = run.plan(values=values, targets=addresses)
    lifted = {change.address for change in planned.changes if policy.is_lifted_by(change)} if planned else set()
    if planned is None or not set(addresses) <= lifted:
        names = ", ".join(f"{name}={value}" for name, value in values.items())
        raise GuardError(
            f"{run.layer.id}: {names} does not lift the deletion protection of "
            f"{', '.join(sorted(set(addresses) - lifted))}",
            hint=f"check guards.deletion_protection.{run.layer.id} in wealist.yaml",
        )
    stop_on(run.layer, [*unsound_in(run, planned), *forgettings(run, planned)])
    # Asked for already, so that no flag is offered.
    findings = [replace(finding, remedy=None) for finding in policy.weakenings(planned)]
    if any(change.action.is_destructive for change in planned.changes):
        run.show(planned, findings)
        raise GuardError(f"{run.layer.id}: lifting the deletion protection would destroy something; it was not done")
    if not run.propose(planned, Kind.LIFT, findings):
        return False
    run.apply(planned)
    return True


def _contents(run: LayerRun, planned: Plan) -> Iterator[Finding]:
    """What is still in the buckets and repositories that would go."""
    for change in planned.changes:
        before = change.before if isinstance(change.before, dict) else {}
        if change.action is not Action.DELETE:
            continue
        try:
            if change.type == "aws_s3_bucket":
                bucket = str(before.get("bucket"))
                yield from _bucket(run, change, bucket, planned, is_forced=bool(before.get("force_destroy")))
            elif change.type == "aws_ecr_repository":
                yield from _repository(run, change, before, is_forced=bool(before.get("force_delete")))
        except AwsError as error:
            yield Finding(
                id="protection.contents.unknown",
                severity=Severity.WARNING,
                subject=change.address,
                seen=f"can't be looked into: {error.code}",
            )


def _bucket(run: LayerRun, change: ResourceChange, bucket: str, planned: Plan, *, is_forced: bool) -> Iterator[Finding]:
    held = contents.object_keys(run.context.sessions.default, bucket, run.layer.backend.region)
    # Objects that the layer made itself go before their bucket.
    left = held - _keys(planned, bucket)
    if not left:
        return
    some = f"{bucket}: {min(left)}{', ...' if len(left) > 1 else ''}"
    yield Finding(
        id="protection.not-empty",
        severity=Severity.WARNING if is_forced else Severity.ERROR,
        subject=change.address,
        seen=f"holds objects, which go with it ({some})" if is_forced else f"is not empty ({some})",
        remedy=None if is_forced else f"empty it first, every version of every object: s3://{bucket}",
    )


def _keys(planned: Plan, bucket: str) -> set[str]:
    """The keys of objects in a bucket that the plan takes away itself."""
    gone = [c.before for c in planned.changes if c.type == "aws_s3_object" and c.action is Action.DELETE]
    return {str(o.get("key")) for o in gone if isinstance(o, dict) and o.get("bucket") == bucket}


def _repository(
    run: LayerRun, change: ResourceChange, before: dict[str, object], *, is_forced: bool
) -> Iterator[Finding]:
    name, arn = str(before.get("name")), str(before.get("arn"))
    region = _region_of(arn, run.layer)
    if not contents.has_images(run.context.sessions.default, name, region):
        return
    yield Finding(
        id="protection.not-empty",
        severity=Severity.WARNING if is_forced else Severity.ERROR,
        subject=change.address,
        seen=f"holds images, which go with it ({name})" if is_forced else f"holds images ({name})",
        remedy=None
        if is_forced
        else "delete them first: "
        + shell.command("aws", "ecr", "list-images", "--region", region, "--repository-name", name),
    )
