from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import preflight
from orchestrator.aws.backend import Table
from orchestrator.aws.digest import Mismatch
from orchestrator.aws.expiry import Expiry
from orchestrator.aws.identity import Identity
from orchestrator.aws.session import Sessions, remedy
from orchestrator.config import Config
from orchestrator.duration import Span
from orchestrator.errors import AwsError, StateError
from orchestrator.finding import Finding, Severity
from orchestrator.layer import Provider
from orchestrator.lock import Lock
from orchestrator.state import State
from orchestrator.target import AwsSettings
from tests.estate import ACCOUNT, BUCKET, HERE, KEY, REGION, TABLE, Store, backend, layer, state_text, target_of
from tests.fakes import VERSION, FakeRunner, Reply, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
    from orchestrator.target import Target

STATE = State.from_json(recorded("state.json"), url="s3://x")
LOCK = Lock(
    id="1",
    holder="alice@laptop",
    operation="OperationTypeApply",
    terraform_version=VERSION,
    created=datetime(2026, 1, 2, tzinfo=UTC),
    where=f"table {TABLE}",
)
HEALTHY: dict[str, Any] = {
    "orchestrator.preflight.who_am_i": Identity(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/me"),
    "orchestrator.aws.backend.bucket_region": REGION,
    "orchestrator.aws.backend.is_versioned": True,
    "orchestrator.aws.backend.is_encrypted": True,
    "orchestrator.aws.backend.blocks_public_access": True,
    "orchestrator.aws.backend.probe_write": None,
    "orchestrator.aws.backend.lock_table": Table(status="ACTIVE", key="LockID:S", has_deletion_protection=True),
    "orchestrator.preflight.read_state": STATE,
    "orchestrator.preflight.read_locks": [],
    "orchestrator.preflight.find_mismatch": None,
    "orchestrator.preflight.list_keys": (),
    "orchestrator.preflight.read_expiry": None,
}


def at_estate(root: Path) -> Target:
    """A target whose folders are those of the layers of `tests.estate`, which have no files."""
    return replace(target_of(root), source_root=Path("/estate"), work_root=root)


def aws_error(code: str) -> AwsError:
    return AwsError(f"AWS said {code}", code=code, hint=remedy(code))


class World:
    """An AWS in which all is well, but for what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path, runner: FakeRunner) -> None:
        self.monkeypatch = monkeypatch
        self.root = root
        self.runner = runner
        self.calls: list[str] = []
        for name, value in HEALTHY.items():
            self.let(name, value)

    def let(self, name: str, answer: Any, *, raises: bool = True) -> None:
        """Let a call answer a value, raise an error, or do what a function does."""
        (full,) = [known for known in HEALTHY if known.endswith(f".{name.rpartition('.')[2]}")]

        def call(*_: object, **given: Any) -> Any:
            self.calls.append(full.rpartition(".")[2])
            if isinstance(answer, Exception) and raises:
                raise answer
            return answer(**given) if callable(answer) else answer

        self.monkeypatch.setattr(full, call)

    def check(
        self, *layers: Layer, yaml: str = "version: 1\n", will_write: bool = True, expected: Span | None = None
    ) -> Preflight:
        target = at_estate(self.root)
        return preflight.check(
            layers or (layer(backend=backend()),),
            config=Config.parse(yaml),
            target=target,
            sessions=Sessions(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1")),
            runner=self.runner,
            env=target.environ,
            will_write=will_write,
            expected=expected,
        )

    def finding(self, id_: str, **given: Any) -> Finding:
        """The finding with this id; there is no other trouble."""
        checked = self.check(**given)
        (found,) = [finding for finding in checked.findings if finding.id == id_]
        assert [f.id for f in checked.findings if f.severity is not Severity.OK] == [id_]
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runner: FakeRunner) -> World:
    return World(monkeypatch, tmp_path, runner)


def test_where_all_is_well_every_check_says_so(world: World) -> None:
    checked = world.check()

    assert [finding.id for finding in checked.findings] == [
        "credentials.ok",
        "state-bucket.ok",
        "state-bucket-versioning.ok",
        "state-bucket-encryption.ok",
        "state-bucket-public-access.ok",
        "state-object.ok",
        "state-write.ok",
        "lock-table.ok",
        "terraform.ok",
    ]
    assert (checked.errors, checked.warnings) == ((), ())


def test_what_was_read_on_the_way_is_handed_on(world: World) -> None:
    world.let("read_locks", [LOCK])
    checked = world.check()

    assert checked.identity == HEALTHY["orchestrator.preflight.who_am_i"]
    assert checked.states == {"prod/foundation": STATE}
    assert checked.locks == {"prod/foundation": (LOCK,)}
    assert checked.binary is not None
    assert checked.binary.version == VERSION


@pytest.mark.parametrize(
    ("code", "id_", "remedy"),
    [
        ("NoCredentialsError", "credentials.missing", "aws configure sso"),
        ("PartialCredentialsError", "credentials.missing", "aws configure sso"),
        ("ExpiredToken", "credentials.expired", "aws sso login"),
        ("ExpiredTokenException", "credentials.expired", "aws sso login"),
        ("RequestExpired", "credentials.expired", "aws sso login"),
        ("InvalidClientTokenId", "credentials.rejected", "aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", "credentials.rejected", "aws sts get-caller-identity"),
        ("EndpointConnectionError", "credentials.unusable", "check network, proxy and region"),
    ],
)
def test_credentials_that_do_not_work(code: str, id_: str, remedy: str, world: World) -> None:
    world.let("who_am_i", aws_error(code))

    finding = world.finding(id_)

    assert finding.is_error
    assert remedy in str(finding.remedy)


def test_denied_is_rejected(world: World) -> None:
    world.let("who_am_i", aws_error("AccessDenied"))

    assert world.finding("credentials.rejected").is_error


def test_a_profile_that_is_not_there_is_a_finding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def client(*_: object) -> None:
        raise aws_error("ProfileNotFound")

    monkeypatch.setattr("orchestrator.aws.session.Session.client", client)
    checked = world.check()

    assert [finding.id for finding in checked.findings] == ["credentials.unusable", "terraform.ok"]
    assert checked.errors[0].remedy == "aws configure list-profiles"
    assert checked.states == {}


def test_the_account_that_is_pinned(world: World) -> None:
    good = world.check(yaml=f"version: 1\naccounts: {{prod: '{ACCOUNT}'}}\n")

    assert "account.ok" in [finding.id for finding in good.findings]


def test_another_account_than_the_one_that_is_pinned(world: World) -> None:
    finding = world.finding("account.mismatch", yaml="version: 1\naccounts: {prod: '210987654321'}\n")

    assert finding.is_error
    assert finding.subject == ACCOUNT
    assert finding.seen == "prod is pinned to account 210987654321 (accounts.prod in wealist.yaml)"
    assert finding.remedy == "use credentials of 210987654321: AWS_PROFILE=... wealist preflight"


def test_another_environments_pin_is_none_of_this_ones_business(world: World) -> None:
    checked = world.check(yaml="version: 1\naccounts: {dev: '210987654321'}\n")

    assert not checked.errors
    assert not any(finding.id.startswith("account") for finding in checked.findings)


SPOKE = "210987654321"


def provider(account: str | None = None, **given: Any) -> Provider:
    role = f"arn:aws:iam::{account}:role/deploy" if account else None
    return Provider(role_arn=role, location=HERE, **given)


def accounts(world: World, *given: Provider, pin: str = SPOKE) -> list[Finding]:
    """What is said of the account of a layer with these provider blocks."""
    checked = world.check(layer(providers=given), yaml=f"version: 1\naccounts: {{prod: '{pin}'}}\n")
    return [finding for finding in checked.findings if finding.id.startswith("account")]


def test_a_provider_in_a_role_is_guarded_by_the_roles_account(world: World) -> None:
    (good,) = accounts(world, provider(SPOKE))
    (bad,) = accounts(world, provider(SPOKE), pin=ACCOUNT)

    assert (good.id, good.subject) == ("account.ok", SPOKE)
    assert (bad.id, bad.subject) == ("account.mismatch", SPOKE)
    assert bad.seen.endswith(f"and its provider works in {SPOKE}")
    assert (bad.remedy or "").startswith("correct the provider block at terraform.tf:1, or the pin; ")


HUB = "333333333333"


@pytest.mark.parametrize("given", [{"account": HUB}, {"elsewhere": "profile", "allowed_accounts": (HUB, ACCOUNT)}])
def test_a_layer_may_be_said_to_work_in_another_account_too(world: World, given: dict[str, Any]) -> None:
    layers = layer(providers=(provider(), provider(alias="dns", **given)))
    yaml = (
        f"version: 1\naccounts: {{prod: '{ACCOUNT}'}}\nlayers: {{settings: {{foundation: {{accounts: ['{HUB}']}}}}}}\n"
    )

    assert not world.check(layers, yaml=yaml).errors
    assert not world.check(layers, yaml=yaml).warnings
    (bad,) = world.check(layer(providers=(provider(SPOKE),)), yaml=yaml).errors
    assert bad.id == "account.mismatch"


def test_a_provider_that_allows_other_accounts_only_is_a_mismatch(world: World) -> None:
    (bad,) = accounts(world, provider(allowed_accounts=(SPOKE,)), pin=ACCOUNT)

    assert (bad.id, bad.subject) == ("account.mismatch", SPOKE)


def test_a_provider_that_allows_the_pinned_account_has_to_be_in_it(world: World) -> None:
    (bad,) = accounts(world, provider(allowed_accounts=(SPOKE, ACCOUNT)))
    (good,) = accounts(world, provider(allowed_accounts=(SPOKE, ACCOUNT)), pin=ACCOUNT)

    assert (bad.id, bad.subject) == ("account.mismatch", ACCOUNT)
    assert good.id == "account.ok"


def test_a_provider_that_is_somebody_else_can_not_be_checked(world: World) -> None:
    for pin in (SPOKE, ACCOUNT):
        (found,) = accounts(world, provider(elsewhere="profile"), pin=pin)

        assert (found.id, found.severity) == ("account.unknown", Severity.WARNING)
        assert "which can't be checked: profile makes its provider somebody else than this identity" in found.seen
        assert found.remedy == f'write allowed_account_ids = ["{pin}"] at terraform.tf:1'


def test_a_provider_that_is_somebody_else_and_bound_to_the_pin_is_fine(world: World) -> None:
    (good,) = accounts(world, provider(elsewhere="profile", allowed_accounts=(SPOKE,)))

    assert good.id == "account.ok"


@pytest.mark.parametrize("where", [{"alias": "hub"}, {"module": "module.dns"}, {"module": "module.dns", "alias": "x"}])
def test_every_provider_block_is_guarded(world: World, where: dict[str, str]) -> None:
    (bad,) = accounts(world, provider(), provider(SPOKE, **where), pin=ACCOUNT)
    (alone,) = accounts(world, provider(SPOKE, **where), pin=ACCOUNT)
    (unknown,) = accounts(world, provider(), provider(elsewhere="profile", **where), pin=ACCOUNT)
    (good,) = accounts(world, provider(), provider(ACCOUNT, **where), pin=ACCOUNT)

    assert (bad.id, bad.subject) == (alone.id, alone.subject) == ("account.mismatch", SPOKE)
    assert unknown.id == "account.unknown"
    assert good.id == "account.ok"


def test_a_block_that_is_fine_does_not_hide_a_shell_that_is_not(world: World) -> None:
    for others in ((provider(),), ()):
        found = accounts(world, *others, provider(SPOKE, alias="hub"))

        assert [(finding.id, finding.subject) for finding in found] == [("account.mismatch", ACCOUNT)]


def test_all_that_is_wrong_with_the_account_is_told_at_once(world: World) -> None:
    found = accounts(world, provider("3"), provider(elsewhere="profile", alias="a"), provider(alias="b"))

    assert [finding.id for finding in found] == ["account.mismatch", "account.unknown", "account.mismatch"]


def test_providers_of_others_and_empty_ones_of_modules_work_in_no_account_of_their_own(world: World) -> None:
    google = provider("3", source="registry.terraform.io/hashicorp/google")

    (good,) = accounts(world, provider(SPOKE), google, provider(module="module.a"))

    assert good.id == "account.ok"


@pytest.mark.parametrize(
    ("pins", "name"),
    [
        ({"prod": ACCOUNT}, "prod"),
        ({"prod": SPOKE, "prod/eu": ACCOUNT}, "prod/eu"),
        ({"prod/eu": SPOKE, "prod": ACCOUNT, "dev": SPOKE}, None),
    ],
)
def test_the_nearest_pin_holds_for_what_is_below_it(world: World, pins: dict[str, str], name: str | None) -> None:
    below = layer("prod/eu/foundation")

    checked = world.check(below, yaml=f"version: 1\naccounts: {json.dumps(pins)}\n")

    (found,) = [finding for finding in checked.findings if finding.id.startswith("account")]
    assert found.id == ("account.ok" if name else "account.mismatch")
    assert f"the one that {name} is pinned to" == found.seen or f"accounts.{'prod/eu'} in" in found.seen


# workspaces

ONLY_DEFAULT = "version: 1\nlayers: {settings: {prod/foundation: {workspace: default}}}\n"


def select_workspace(root: Path, name: str) -> Path:
    data = root / "terraform" / "prod" / "foundation" / ".terraform"
    data.mkdir(parents=True, exist_ok=True)
    (data / "environment").write_text(name)
    return data.parent


def test_a_layer_whose_folder_has_another_workspace_selected(world: World) -> None:
    folder = select_workspace(world.root, "prod\n")

    finding = world.finding("workspace.selected")

    assert finding.is_error
    assert finding.seen == 'workspace "prod" is selected in its folder, and wealist works in the default workspace only'
    assert (finding.remedy or "").startswith(
        f"rm {folder}/.terraform/environment selects the default one; where default is what is meant: "
    )
    assert "layers.settings.prod/foundation.workspace: default in wealist.yaml" in (finding.remedy or "")


@pytest.mark.parametrize("name", ["default", "", "default\n"])
def test_the_default_workspace_may_be_selected(world: World, name: str) -> None:
    select_workspace(world.root, name)

    assert not world.check().errors


def test_a_selected_workspace_can_not_write_on_the_terminal(world: World) -> None:
    select_workspace(world.root, "a\x1b[2K\n\u202eb" + "c" * 200)

    assert '"a\\u001b[2K\\n\\u202ebccc' in world.finding("workspace.selected").seen
    assert len(world.finding("workspace.selected").seen) < 200


def test_a_layer_with_a_prefix_for_workspaces(world: World) -> None:
    other = layer(backend=backend(workspace_key_prefix="members/app"))

    (finding,) = world.check(other).errors

    assert finding.id == "workspace.prefix"
    assert 'has workspace_key_prefix = "members/app"' in finding.seen
    assert (finding.remedy or "").startswith("take it out at terraform.tf:1; where default is what is meant: ")


@pytest.mark.parametrize("state", [None, replace(STATE, resource_count=0, outputs={})])
@pytest.mark.parametrize("will_write", [True, False])
def test_a_layer_that_is_applied_in_workspaces_alone(world: World, state: State | None, will_write: bool) -> None:
    world.let("read_state", state)
    world.let("list_keys", (f"env:/prod/{KEY}", f"env:/dev/{KEY}", f"env:/other/x/{KEY}", f"env:/prod/{KEY}.tflock"))

    finding = world.finding("workspace.states", will_write=will_write)

    assert finding.is_error
    assert finding.seen.startswith('has a state in workspace "dev", "prod" and none in the default one')


def test_workspaces_are_asked_for_once_a_bucket_and_only_where_there_is_no_state(world: World) -> None:
    world.check()
    assert "list_keys" not in world.calls

    world.let("read_state", None)
    world.check(layer("prod/a"), layer("prod/b"), layer("prod/c"))
    assert world.calls.count("list_keys") == 1


def test_workspaces_that_can_not_be_listed_are_a_warning(world: World) -> None:
    world.let("read_state", None)
    world.let("list_keys", aws_error("SlowDown"))

    assert world.finding("workspace.unknown").severity is Severity.WARNING


def test_the_default_workspace_may_be_meant(world: World) -> None:
    select_workspace(world.root, "prod")
    world.let("read_state", None)
    world.let("list_keys", (f"env:/prod/{KEY}",))

    checked = world.check(layer(backend=backend(workspace_key_prefix="env:")), yaml=ONLY_DEFAULT)

    assert not checked.errors


@pytest.mark.parametrize("code", ["404", "NoSuchBucket", "NotFound"])
def test_a_bucket_that_is_not_there(code: str, world: World) -> None:
    world.let("bucket_region", aws_error(code))

    finding = world.finding("state-bucket.missing")

    assert finding.is_error
    assert (finding.subject, finding.seen) == (f"s3://{BUCKET}", "does not exist")
    assert finding.remedy == "wealist bootstrap"


@pytest.mark.parametrize("code", ["403", "AccessDenied", "Forbidden"])
def test_a_bucket_that_may_not_be_seen(code: str, world: World) -> None:
    world.let("bucket_region", aws_error(code))

    finding = world.finding("state-bucket.forbidden")

    assert finding.is_error
    assert finding.remedy == f"aws s3api head-bucket --bucket {BUCKET}"


def test_a_bucket_that_can_not_be_reached(world: World) -> None:
    world.let("bucket_region", aws_error("ConnectTimeoutError"))

    assert world.finding("state-bucket.unreachable").is_error


def test_a_bucket_in_another_region(world: World) -> None:
    world.let("bucket_region", "us-east-1")

    finding = world.finding("state-bucket.wrong-region")

    assert finding.is_error
    assert finding.seen == f"is in us-east-1, not in {REGION}"
    assert finding.remedy == 'write region = "us-east-1" at terraform.tf:1'


def test_nothing_more_is_said_of_a_bucket_that_can_not_be_used(world: World) -> None:
    for name in ("bucket_region", "is_versioned", "is_encrypted", "blocks_public_access", "probe_write"):
        world.let(name, aws_error("404"))
    world.let("read_state", StateError("the state bucket does not exist"))

    assert world.finding("state-bucket.missing").is_error


@pytest.mark.parametrize(
    ("call", "id_", "seen"),
    [
        ("is_versioned", "state-bucket-versioning.off", "off, so a lost state can't be brought back"),
        ("is_encrypted", "state-bucket-encryption.off", "no default encryption"),
        ("blocks_public_access", "state-bucket-public-access.off", "not blocked"),
    ],
)
def test_a_setting_that_is_off_is_a_warning(call: str, id_: str, seen: str, world: World) -> None:
    world.let(call, answer=False)

    finding = world.finding(id_)

    assert finding.severity is Severity.WARNING
    assert (finding.seen, finding.remedy) == (seen, "wealist bootstrap")


@pytest.mark.parametrize(
    ("call", "id_"),
    [
        ("is_versioned", "state-bucket-versioning.unknown"),
        ("is_encrypted", "state-bucket-encryption.unknown"),
        ("blocks_public_access", "state-bucket-public-access.unknown"),
    ],
)
def test_a_setting_that_may_not_be_seen_stops_nobody(call: str, id_: str, world: World) -> None:
    world.let(call, aws_error("AccessDenied"))

    finding = world.finding(id_)

    assert (finding.severity, finding.seen) == (Severity.WARNING, "can't be seen: AccessDenied")


def test_a_state_that_may_not_be_read(world: World) -> None:
    world.let("read_state", StateError("may not read it", is_denied=True))

    assert world.finding("state-object.forbidden").is_error
    assert world.check().states == {}


def test_a_state_that_is_none(world: World) -> None:
    world.let("read_state", StateError("not a Terraform state", hint="look"))

    finding = world.finding("state-object.unreadable")

    assert finding.is_error
    assert (finding.seen, finding.remedy) == ("not a Terraform state", "look")


def test_a_state_that_aws_does_not_give(world: World) -> None:
    world.let("read_state", aws_error("SlowDown"))

    assert world.finding("state-object.unreadable").is_error


def test_a_layer_that_was_never_applied_is_fine(world: World) -> None:
    world.let("read_state", None)
    checked = world.check()

    assert checked.states == {"prod/foundation": None}
    assert [f.seen for f in checked.findings if f.id == "state-object.ok"] == ["not applied yet"]


@pytest.mark.parametrize(("will_write", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)])
def test_a_state_that_may_not_be_written_stops_only_who_would_write(
    severity: Severity, world: World, *, will_write: bool
) -> None:
    world.let("probe_write", aws_error("AccessDenied"))

    finding = world.finding("state-write.forbidden", will_write=will_write)

    assert finding.severity is severity
    assert finding.remedy == f"this identity needs s3:PutObject on {BUCKET}/{KEY}"


def test_a_key_of_ones_own_takes_permissions_too(world: World) -> None:
    world.let("probe_write", aws_error("AccessDenied"))
    with_key = layer(backend=backend(encrypt=True, kms_key_id="alias/state"))

    (finding,) = [f for f in world.check(with_key).findings if f.id == "state-write.forbidden"]

    key = "kms:GenerateDataKey and kms:Decrypt on alias/state"
    assert finding.remedy == f"this identity needs s3:PutObject on {BUCKET}/{KEY}, and {key}"


@pytest.mark.parametrize("code", ["SlowDown", "ConnectTimeoutError", "KMS.DisabledException"])
def test_a_probe_that_fails_otherwise_says_nothing_of_permissions(code: str, world: World) -> None:
    world.let("probe_write", aws_error(code))

    finding = world.finding("state-write.unknown")

    assert finding.is_error
    assert (finding.seen, finding.remedy) == (f"AWS said {code}", remedy(code))


def test_a_probe_that_leaves_something_behind_says_so_and_stops_nobody(world: World) -> None:
    world.let("probe_write", aws_error("AccessDenied"), raises=False)

    finding = world.finding("state-write.left-over")

    assert finding.severity is Severity.WARNING
    assert finding.seen == "can be written, but AWS said AccessDenied"


def test_a_lock_table_that_is_not_there(world: World) -> None:
    world.let("lock_table", aws_error("ResourceNotFoundException"))

    finding = world.finding("lock-table.missing")

    assert finding.is_error
    assert (finding.subject, finding.remedy) == (f"table {TABLE}", "wealist bootstrap")


def test_a_lock_table_with_another_key(world: World) -> None:
    world.let("lock_table", Table(status="ACTIVE", key="ID:S", has_deletion_protection=True))

    finding = world.finding("lock-table.wrong-key")

    assert finding.is_error
    assert finding.seen == "key ID:S, not LockID:S"
    assert finding.remedy == "a table's key can't be changed: name another table at terraform.tf:1"


def test_a_lock_table_that_is_not_ready(world: World) -> None:
    world.let("lock_table", Table(status="CREATING", key="LockID:S", has_deletion_protection=True))

    assert world.finding("lock-table.not-active").seen == "is CREATING"


def test_a_lock_table_that_is_being_changed_can_be_used(world: World) -> None:
    world.let("lock_table", Table(status="UPDATING", key="LockID:S", has_deletion_protection=True))

    assert not world.check().errors


def test_a_lock_table_that_may_not_be_described_stops_nobody(world: World) -> None:
    world.let("lock_table", aws_error("AccessDeniedException"))

    assert world.finding("lock-table.unknown").severity is Severity.WARNING


def test_a_lock_table_that_can_not_be_reached(world: World) -> None:
    world.let("lock_table", aws_error("EndpointConnectionError"))

    assert world.finding("lock-table.unreachable").is_error


def test_a_lock_that_is_held_is_a_warning_with_its_holder(world: World) -> None:
    world.let("read_locks", [LOCK])

    finding = world.finding("state-lock.held")

    assert finding.severity is Severity.WARNING
    assert finding.seen.startswith("locked by alice@laptop (apply, since 2026-01-02 00:00:00 UTC")
    assert finding.remedy == "wait for it (--lock-timeout 5m); is its holder alive? wealist locks prod/foundation"


def test_locks_that_may_not_be_seen_stop_nobody(world: World) -> None:
    world.let("read_locks", aws_error("AccessDeniedException"))

    assert world.finding("state-lock.unknown").severity is Severity.WARNING


def test_a_wrong_digest_stops_the_run_and_names_what_mends_it(world: World) -> None:
    world.let("find_mismatch", Mismatch(table=TABLE, recorded="d" * 32, actual="e" * 32))

    finding = world.finding("state-digest.mismatch")

    assert finding.is_error
    assert finding.seen.startswith("the digest is stale")
    assert finding.remedy == "wealist state mend prod/foundation"


def test_a_digest_that_may_not_be_seen_stops_nobody(world: World) -> None:
    world.let("find_mismatch", aws_error("AccessDeniedException"))

    assert not world.check().errors


def test_a_state_that_was_replaced_is_found_for_real(
    store: Store, tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.aws.digest._PAUSES", ())
    wanted = store.put_version(state_text(serial=3))
    store.put_digest()
    store.put_state(state_text(serial=3, outputs={"a": "by hand"}))
    target = at_estate(tmp_path)

    checked = preflight.check(
        [layer(backend=backend())],
        config=Config.parse("version: 1\n"),
        target=target,
        sessions=Sessions(AwsSettings()),
        runner=runner,
        env=target.environ,
    )

    (finding,) = checked.errors
    assert finding.id == "state-digest.mismatch"
    assert "was replaced behind Terraform's back" in finding.seen
    assert finding.remedy == f"wealist state restore prod/foundation --version {wanted}"


def test_a_backend_that_locks_nothing_is_a_warning(world: World) -> None:
    checked = world.check(layer(backend=backend(dynamodb_table=None)))

    assert [finding.id for finding in checked.warnings] == ["lock-table.none"]


def test_a_lock_object_needs_no_table(world: World) -> None:
    checked = world.check(layer(backend=backend(dynamodb_table=None, use_lockfile=True)))

    assert checked.warnings == ()
    assert "lock_table" not in world.calls


def test_no_terraform(world: World, tmp_path: Path) -> None:
    target_of(tmp_path)
    (tmp_path / "bin" / "terraform").unlink()
    world.monkeypatch.setattr("tests.estate.write_program", lambda folder: folder / "terraform")

    finding = world.finding("terraform.missing")

    assert finding.is_error
    assert "install Terraform" in str(finding.remedy)
    assert world.check().binary is None


def test_a_terraform_that_does_not_answer(world: World) -> None:
    world.runner.answer("version", Reply(returncode=1))

    assert world.finding("terraform.missing").is_error


def test_a_terraform_of_another_version(world: World) -> None:
    checked = world.check(layer(backend=backend(), required_version=">= 1.12, < 2"))

    (finding,) = checked.errors
    assert finding.id == "terraform.version"
    assert finding.seen == "is 1.11.4, and prod/foundation wants >= 1.12, < 2"


def test_a_constraint_that_is_none(world: World) -> None:
    checked = world.check(layer(backend=backend(), required_version="newest"))

    assert [finding.id for finding in checked.errors] == ["terraform.constraint"]


def test_what_layers_share_is_asked_and_said_once(world: World) -> None:
    checked = world.check(layer("prod/a"), layer("prod/b"))

    ids = [finding.id for finding in checked.findings]
    assert ids.count("state-bucket.ok") == 1
    assert ids.count("state-object.ok") == 2
    assert sorted(set(checked.states)) == ["prod/a", "prod/b"]
    assert world.calls.count("bucket_region") == 1
    assert world.calls.count("lock_table") == 1
    assert world.calls.count("read_state") == 2


def test_the_checks_are_made_at_once(world: World) -> None:
    def slow(answer: Any) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            time.sleep(0.15)
            return answer

        return call

    for name, value in HEALTHY.items():
        world.let(name, slow(value))

    checked = world.check()

    assert not checked.errors
    assert 0.15 <= checked.seconds < 1.0


def test_a_bootstrapped_bucket_passes_for_real(store: Store, tmp_path: Path, runner: FakeRunner) -> None:
    store.put_state(state_text(serial=3))
    target = at_estate(tmp_path)

    checked = preflight.check(
        [layer(backend=backend(encrypt=True, use_lockfile=True))],
        config=Config.parse("version: 1\n"),
        target=target,
        sessions=Sessions(AwsSettings()),
        runner=runner,
        env=target.environ,
    )

    assert {finding.severity for finding in checked.findings} == {Severity.OK}
    assert "serial 3, 0 resources" in [finding.seen for finding in checked.findings]
    assert store.objects() == [KEY]


def test_a_missing_bucket_and_table_are_two_findings_for_real(aws: None, tmp_path: Path, runner: FakeRunner) -> None:
    target = at_estate(tmp_path)

    checked = preflight.check(
        [layer(backend=backend())],
        config=Config.parse("version: 1\n"),
        target=target,
        sessions=Sessions(AwsSettings()),
        runner=runner,
        env=target.environ,
    )

    assert [finding.id for finding in checked.errors] == ["state-bucket.missing", "lock-table.missing"]


WHOLE_RUN = Span(low=17 * 60.0, high=22 * 60.0)


def ends_in(minutes: float) -> Expiry:
    return Expiry(at=datetime.now(UTC) + timedelta(minutes=minutes, seconds=5), remedy="aws sso login --profile ops")


def test_credentials_that_end_before_the_run_does_are_warned_of(world: World) -> None:
    ends = ends_in(9)
    world.let("read_expiry", ends)

    found = world.finding("credentials.expiring", expected=WHOLE_RUN)

    assert found.severity is Severity.WARNING
    assert found.seen == f"end at {ends.at:%Y-%m-%d %H:%M:%S} UTC, in 9 min; the run is expected to take 17-22 min"
    assert found.remedy == "aws sso login --profile ops"


def test_credentials_that_are_over_by_now(world: World) -> None:
    world.let("read_expiry", ends_in(-9))

    assert "UTC, which is over; the run" in world.finding("credentials.expiring", expected=WHOLE_RUN).seen


@pytest.mark.parametrize("ends", [None, ends_in(60 * 24 * 365)])
def test_credentials_that_last_or_whose_end_is_unknown_are_no_finding(world: World, ends: Expiry | None) -> None:
    world.let("read_expiry", ends)

    assert "credentials.expiring" not in [finding.id for finding in world.check(expected=WHOLE_RUN).findings]


@pytest.mark.parametrize("more", [{"will_write": False, "expected": WHOLE_RUN}, {"expected": None}])
def test_the_end_is_only_asked_for_where_something_is_applied_and_takes_its_time(
    world: World, more: dict[str, Any]
) -> None:
    world.let("read_expiry", ends_in(9))

    assert not world.check(**more).warnings
    assert "read_expiry" not in world.calls
