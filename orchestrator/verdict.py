"""What the answer to each preflight check means: a finding, with the exact command that mends it.

A check comes here as a function that gives its answer or raises. Nothing is asked of AWS or Terraform here beyond that
one call, and nothing is remembered.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator import data_folder, shell
from orchestrator.aws.backend import LOCK_KEY
from orchestrator.aws.session import DENIED, EXPIRED, NO_CREDENTIALS, REJECTED
from orchestrator.aws.workspace import listed, names, shown_name
from orchestrator.duration import Span
from orchestrator.errors import AwsError, PreflightError, StateError, TerraformError, WealistError
from orchestrator.finding import Finding, Severity
from orchestrator.moment import utc
from orchestrator.tf.binary import INSTALL, SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from orchestrator.aws.backend import Table
    from orchestrator.aws.digest import Mismatch
    from orchestrator.aws.expiry import Expiry
    from orchestrator.aws.identity import Identity
    from orchestrator.aws.version import Version
    from orchestrator.config import Config
    from orchestrator.layer import Backend, Layer, Provider
    from orchestrator.lock import Lock
    from orchestrator.state import State
    from orchestrator.target import Target
    from orchestrator.tf.binary import Binary


def no_credentials(error: AwsError) -> Finding:
    code = error.code
    if code in NO_CREDENTIALS:
        id_ = "credentials.missing"
    elif code in EXPIRED:
        id_ = "credentials.expired"
    elif code in REJECTED or code in DENIED:
        id_ = "credentials.rejected"
    else:
        id_ = "credentials.unusable"
    return _error(id_, "AWS credentials", error.message, error.hint)


def credentials(identity: Identity) -> Finding:
    return _ok("credentials", identity.arn, f"account {identity.account}")


def expiry(ends: Expiry | None, expected: Span, *, now: datetime | None = None) -> list[Finding]:
    """Whether the credentials outlive the run, as far as both can be told."""
    now = now or datetime.now(UTC)
    left = (ends.at - now).total_seconds() if ends else 0.0
    if ends is None or left > expected.high:
        return []
    in_time = f"in {Span(low=left, high=left).text}" if left > 0 else "which is over"
    seen = f"end at {utc(ends.at)}, {in_time}; the run is expected to take {expected.text}"
    return [_warning("credentials.expiring", "AWS credentials", seen, ends.remedy)]


def pin_of(layer: Layer, config: Config) -> tuple[str, str] | None:
    """The entry of `accounts` that holds for a layer, as name and account: of several the nearest, `prod/eu` over `prod`."""
    parts = layer.environment.split("/")
    names = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next(((name, config.accounts[name]) for name in names if name in config.accounts), None)


def account(layer: Layer, config: Config, account_id: str, target: Target, *, is_needed: bool = False) -> list[Finding]:
    """Whether every provider of a layer works in the account that it is pinned to, as far as the HCL tells.

    Args:
        account_id: Of the identity that providers have, unless their block makes them another.
        is_needed: Whether one that can't be told is an error, since nobody is asked before something is made in it.
    """
    pin = pin_of(layer, config)
    if pin is None:
        return []
    name, pinned = pin
    seen = _pinned(layer, name, pinned)
    is_needed = is_needed and config.settings(layer.id).accounts_unknown is None
    providers = [one for one in layer.providers if _counts(one)]
    if target.aws.is_hermetic:
        # A profile stands for the sandbox's own keys there.
        providers = [replace(one, elsewhere=None) if one.elsewhere == "profile" else one for one in providers]
    judged = [_of_provider(one, layer, config, pinned, seen, is_needed=is_needed) for one in providers]
    told = [finding for finding in judged if finding is not None]
    wrong = [finding for finding in told if not finding.is_ok]
    is_shell_used = len(told) < len(judged) or not any(_is_default(provider) for provider in layer.providers)
    if is_shell_used and pinned != account_id and not target.aws.is_hermetic:
        remedy = f"use credentials of {pinned}: AWS_PROFILE=... {target.command('preflight')}"
        wrong.append(_error("account.mismatch", account_id, seen, remedy))
    if wrong:
        return wrong
    if not is_shell_used:
        return told[:1]
    stands = (
        f"the one that {name} is pinned to" if pinned == account_id else f"the sandbox, {account_id}, stands for it"
    )
    return [_ok("account", pinned, stands)]


def _counts(provider: Provider) -> bool:
    """Whether a block says anything of an account; an empty one in a module stands for the one that it is given."""
    return provider.is_aws and not (provider.module and provider.is_empty)


def _is_default(provider: Provider) -> bool:
    """Whether it is the one that most resources are made with; where there is none, they have the shell's identity."""
    return provider.is_aws and not provider.module and provider.alias is None


def planned_accounts(layer: Layer, config: Config, providers: Iterable[Provider], *, is_needed: bool) -> list[Finding]:
    """What speaks against the providers of a plan: constants of another account, and what can't be told.

    The latter is left to the HCL, where that was read: a local is a constant there, and only a name in a plan.
    """
    pin = pin_of(layer, config)
    if pin is None:
        return []
    name, pinned = pin
    seen = _pinned(layer, name, pinned)
    is_needed = is_needed and config.settings(layer.id).accounts_unknown is None
    known = {provider.key for provider in layer.providers}
    judged = [
        (one, _of_provider(one, layer, config, pinned, seen, is_needed=is_needed)) for one in providers if _counts(one)
    ]
    return [
        finding
        for one, finding in judged
        if finding is not None and not finding.is_ok and (finding.id == "account.mismatch" or one.key not in known)
    ]


def _pinned(layer: Layer, name: str, pinned: str) -> str:
    return f"{layer.environment} is pinned to account {pinned} (accounts.{name} in wealist.yaml)"


def _of_provider(
    provider: Provider, layer: Layer, config: Config, pinned: str, seen: str, *, is_needed: bool
) -> Finding | None:
    """What a provider block says of the account; None where it leaves it to whose credentials these are."""
    may = {pinned, *config.settings(layer.id).accounts}
    allowed, role = set(provider.allowed_accounts or may), provider.account or pinned
    if role not in may or not allowed & may:
        wrong = role if role not in may else ", ".join(provider.allowed_accounts or ())
        remedy = (
            f"correct the provider block at {provider.place}, or the pin; where {layer.id} is meant to work there too: "
            f"layers.settings.{layer.id}.accounts in wealist.yaml"
        )
        return _error("account.mismatch", wrong, f"{seen}, and its provider works in {wrong}", remedy)
    if provider.account or (provider.elsewhere and provider.allowed_accounts and allowed <= may):
        return _ok("account", pinned, f"the one that the provider block at {provider.place} works in")
    if provider.elsewhere or provider.role_arn:
        why = f"{provider.elsewhere or 'its role'} makes its provider somebody else than this identity"
        remedy = f'write allowed_account_ids = ["{pinned}"] at {provider.place}'
        if not is_needed:
            return _warning("account.unknown", layer.id, f"{seen}, which can't be checked: {why}", remedy)
        seen = f"{seen}, which can't be checked, and nobody is asked before it is applied: {why}"
        allow = f"layers.settings.{layer.id}.accounts_unknown: allow in wealist.yaml"
        return _error("account.unknown", layer.id, seen, f"{remedy}, confirm at the prompt, or {allow}")
    return None


def refuse_other_account(layer: Layer, config: Config, account_id: str, target: Target) -> None:
    """The same, for what writes without a preflight.

    Raises:
        PreflightError: The layer's environment is pinned to another account.
    """
    findings = account(layer, config, account_id, target)
    for finding in findings:
        if finding.is_error:
            whose = "these credentials are of" if finding.subject == account_id else "the layer would be in"
            raise PreflightError(
                f"{whose} account {finding.subject}: {finding.seen}",
                findings=findings,
                hint=finding.remedy,
            )


def bucket(backend: Backend, target: Target, region_of: Callable[[], str]) -> list[Finding]:
    subject = f"s3://{backend.bucket}"
    try:
        region = region_of()
    except AwsError as error:
        if error.code in ("404", "NoSuchBucket", "NotFound"):
            remedy = target.command("bootstrap")
            return [_error("state-bucket.missing", subject, "does not exist", remedy)]
        if error.code in DENIED:
            seen = "exists, but this identity may not see it, or it belongs to another account"
            return [
                _error(
                    "state-bucket.forbidden",
                    subject,
                    seen,
                    shell.command("aws", "s3api", "head-bucket", "--bucket", backend.bucket),
                )
            ]
        return [_error("state-bucket.unreachable", subject, error.message, error.hint)]
    if region != backend.region:
        remedy = f'write region = "{region}" at {backend.location}'
        return [_error("state-bucket.wrong-region", subject, f"is in {region}, not in {backend.region}", remedy)]
    return [_ok("state-bucket", subject, f"in {region}")]


def settings(
    backend: Backend,
    target: Target,
    *,
    is_versioned: Callable[[], bool],
    is_encrypted: Callable[[], bool],
    blocks_public_access: Callable[[], bool],
) -> list[Finding]:
    subject, remedy = f"s3://{backend.bucket}", target.command("bootstrap")
    findings = []
    for name, ask, good, bad in (
        ("versioning", is_versioned, "on", "off, so a lost state can't be brought back"),
        ("encryption", is_encrypted, "on", "no default encryption"),
        ("public-access", blocks_public_access, "blocked", "not blocked"),
    ):
        id_ = f"state-bucket-{name}"
        try:
            seen = ask()
        except AwsError as error:
            findings.append(_warning(f"{id_}.unknown", subject, f"can't be seen: {error.code}", None))
            continue
        findings.append(_ok(id_, subject, good) if seen else _warning(f"{id_}.off", subject, bad, remedy))
    return findings


def state(layer: Layer, target: Target, read: Callable[[], State | None]) -> Finding:
    url = layer.backend.url
    try:
        found = read()
    except StateError as error:
        id_ = "state-object.forbidden" if error.is_denied else "state-object.unreadable"
        # An earlier version may be one that can be read.
        return _error(id_, url, error.message, error.hint or target.command("state", "history", layer.id))
    except AwsError as error:
        return _error("state-object.unreadable", url, error.message, error.hint)
    seen = f"serial {found.serial}, {found.resource_count} resources" if found else "not applied yet"
    return _ok("state-object", url, seen)


def workspace(
    layer: Layer,
    config: Config,
    target: Target,
    read: Callable[[], State | None],
    list_keys: Callable[[], tuple[str, ...]],
) -> Iterator[Finding]:
    """A layer that lives in another workspace than the one that wealist works in: all of it would be made once more.

    Args:
        list_keys: Asked only where there is nothing in the default workspace.
    """
    if config.settings(layer.id).workspace is not None:
        return
    said = f"; where default is what is meant: layers.settings.{layer.id}.workspace: default in wealist.yaml"
    folder = target.folder(layer.path)
    selected = data_folder.read_workspace(folder)
    if selected is not None:
        # What `terraform workspace select default` does, and what asks no AWS for it.
        remedy = f"{shell.command('rm', str(data_folder.workspace_file(folder)))} selects the default one{said}"
        seen = f"workspace {shown_name(selected)} is selected in its folder, and wealist works in the default workspace only"
        yield _error("workspace.selected", layer.id, seen, remedy)
    prefix = layer.backend.workspace_key_prefix
    if prefix is not None:
        seen = f"its backend block has workspace_key_prefix = {shown_name(prefix)}, and wealist works in the default workspace only"
        yield _error("workspace.prefix", layer.id, seen, f"take it out at {layer.backend.location}{said}")
    if selected is not None or prefix is not None:
        return
    try:
        state = read()
    except WealistError:
        return
    if state is not None and not state.is_empty:
        return
    try:
        found = names(list_keys(), layer.backend)
    except AwsError as error:
        seen = f"whether it is applied in a workspace can't be seen: {error.code}"
        yield _warning("workspace.unknown", layer.id, seen, None)
        return
    if found:
        seen = f"has a state in workspace {listed(found)} and none in the default one, which is the one that wealist works in"
        yield _error(
            "workspace.states",
            layer.id,
            seen,
            f"use Terraform itself for it, or `terraform workspace delete` where it is not needed{said}",
        )


def lost(
    layer: Layer,
    target: Target,
    read: Callable[[], State | None],
    find_versions: Callable[[], list[Version]],
    *,
    will_write: bool,
) -> Iterator[Finding]:
    """A layer that has no state now and had one: it was deleted, and an apply would make all of it a second time."""
    with suppress(WealistError):
        if read() is not None:
            return
        kept = [version for version in find_versions() if not version.is_delete_marker]
        if kept:
            make = _error if will_write else _warning
            seen = f"nothing is there now, and the bucket keeps {len(kept)} of its versions: it was deleted"
            remedy = (
                f"{target.command('state', 'history', layer.id)}; if it was meant to go, delete the versions too, "
                "and the layer starts from nothing"
            )
            yield make("state-object.deleted", layer.backend.url, seen, remedy)


def write(backend: Backend, probe: Callable[[], AwsError | None], *, will_write: bool) -> Finding:
    make = _error if will_write else _warning
    try:
        left = probe()
    except AwsError as error:
        if error.code not in DENIED:
            return make("state-write.unknown", backend.url, error.message, error.hint)
        key = backend.kms_key_id if backend.encrypt else None
        also = f", and kms:GenerateDataKey and kms:Decrypt on {key}" if key else ""
        remedy = f"this identity needs s3:PutObject on {backend.bucket}/{backend.key}{also}"
        return make("state-write.forbidden", backend.url, f"can't be written: {error.code}", remedy)
    if left is not None:
        remedy = shell.command("aws", "s3api", "list-multipart-uploads", "--bucket", backend.bucket)
        return _warning("state-write.left-over", backend.url, f"can be written, but {left.message}", remedy)
    return _ok("state-write", backend.url, "this identity may write it")


def lock_table(backend: Backend, target: Target, look_at: Callable[[], Table] | None) -> list[Finding]:
    subject = f"table {backend.dynamodb_table}"
    if look_at is not None:
        return [_usable_table(subject, backend, target, look_at)]
    if backend.use_lockfile:
        return []
    remedy = f"add dynamodb_table or use_lockfile = true at {backend.location}"
    return [_warning("lock-table.none", backend.url, "nothing locks this state", remedy)]


def lock(layer: Layer, target: Target, read: Callable[[], Sequence[Lock]]) -> list[Finding]:
    url = layer.backend.url
    try:
        locks = read()
    except AwsError as error:
        return [_warning("state-lock.unknown", url, f"the lock can't be seen: {error.code}", None)]
    remedy = f"wait for it (--lock-timeout 5m); is its holder alive? {target.command('locks', layer.id)}"
    return [_warning("state-lock.held", url, f"locked by {found.describe()}", remedy) for found in locks]


def digest(layer: Layer, target: Target, find: Callable[[], Mismatch | None]) -> list[Finding]:
    """A wrong digest stops Terraform; one that can't be seen stops nobody, since Terraform then goes on without it."""
    try:
        wrong = find()
    except WealistError:
        return []
    if wrong is None:
        return []
    remedy = wrong.remedy(layer.id, target.command)
    return [_error("state-digest.mismatch", layer.backend.url, f"{wrong.cause}, in table {wrong.table}", remedy)]


def _usable_table(subject: str, backend: Backend, target: Target, look_at: Callable[[], Table]) -> Finding:
    try:
        table = look_at()
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            remedy = target.command("bootstrap")
            return _error("lock-table.missing", subject, f"does not exist in {backend.region}", remedy)
        if error.code in DENIED:
            # Terraform itself never describes the table; that it can't be described need not stop anyone.
            return _warning("lock-table.unknown", subject, f"can't be described: {error.code}", None)
        return _error("lock-table.unreachable", subject, error.message, error.hint)
    if not table.fits:
        remedy = f"a table's key can't be changed: name another table at {backend.location}"
        return _error("lock-table.wrong-key", subject, f"key {table.key}, not {LOCK_KEY}:S", remedy)
    if table.status not in ("ACTIVE", "UPDATING"):
        return _error("lock-table.not-active", subject, f"is {table.status}", "wait until it is ACTIVE")
    return _ok("lock-table", subject, f"key {table.key}")


def terraform(layers: Sequence[Layer], name: str, find: Callable[[], Binary]) -> Finding:
    try:
        binary = find()
        if not binary.satisfies(SUPPORTED):
            seen = f"is {binary.version}, and wealist drives Terraform {SUPPORTED}"
            return _error("terraform.unsupported", str(binary.path), seen, f"{INSTALL}, or pass --terraform-bin")
        unhappy = [layer for layer in layers if not binary.satisfies(layer.required_version)]
    except TerraformError as error:
        return _error("terraform.missing", name, error.message, error.hint)
    except WealistError as error:
        return _error("terraform.constraint", name, error.message, error.hint)
    if not unhappy:
        return _ok("terraform", str(binary.path), binary.version)
    layer = unhappy[0]
    return _error(
        "terraform.version",
        str(binary.path),
        f"is {binary.version}, and {layer.id} wants {layer.required_version}",
        f"{INSTALL}, or pass --terraform-bin",
    )


def _ok(id_: str, subject: str, seen: str) -> Finding:
    return Finding(id=f"{id_}.ok", severity=Severity.OK, subject=subject, seen=seen)


def _warning(id_: str, subject: str, seen: str, remedy: str | None) -> Finding:
    return Finding(id=id_, severity=Severity.WARNING, subject=subject, seen=seen, remedy=remedy)


def _error(id_: str, subject: str, seen: str, remedy: str | None) -> Finding:
    return Finding(id=id_, severity=Severity.ERROR, subject=subject, seen=seen, remedy=remedy)
