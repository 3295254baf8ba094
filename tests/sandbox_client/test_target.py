from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.discovery import Estate
from orchestrator.errors import ConfigError
from orchestrator.sandbox import control, provider, target
from orchestrator.sandbox.control import Server
from orchestrator.sandbox.credential import Credential
from orchestrator.sandbox.provider import ModuleSource, ProviderSource
from orchestrator.tf.env import child_environment
from tests.estate import YAML, write_estate

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:4566"
CREDENTIAL = Credential.create()
SERVER = Server(
    pid=1,
    process_started=1.0,
    port=4566,
    credential=CREDENTIAL,
    account_id="123456789012",
    started_at="now",
    modules=(control.STAND_INS,),
)
REAL = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "REAL",
    "AWS_SECRET_ACCESS_KEY": "REAL",
    "AWS_SESSION_TOKEN": "REAL",
    "AWS_ROLE_ARN": "REAL",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "REAL",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "REAL",
    "AWS_CONFIG_FILE": "REAL",
    "AWS_SHARED_CREDENTIALS_FILE": "REAL",
    "AWS_ENDPOINT_URL_S3": "https://REAL",
    "AWS_CA_BUNDLE": "REAL",
    "AWS_EC2_METADATA_DISABLED": "false",
    "GOOGLE_APPLICATION_CREDENTIALS": "REAL",
    "KUBECONFIG": "REAL",
    "VAULT_TOKEN": "REAL",
    "HOME": "/REAL",
    "NO_PROXY": "REAL",
    "TF_CLI_CONFIG_FILE": "REAL",
}


class Fake:
    """A server that runs as soon as it is started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running: Server | None = None
        self.started: list[dict[str, Any]] = []
        self.modules = ModuleSource.STAND_INS
        monkeypatch.setattr(control, "find", lambda _home: self.running)
        monkeypatch.setattr(control, "start", self.start)
        monkeypatch.setattr(provider, "provider_source", lambda _environ: ProviderSource(description="mirror /m"))
        monkeypatch.setattr(provider, "module_source", lambda _environ: self.modules)

    def start(self, home: Path, **given: Any) -> Server:
        self.started.append(given)
        self.running = SERVER
        return SERVER


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(monkeypatch)


def test_a_sandbox_is_started_once_and_then_found(estate: Estate, fake: Fake) -> None:
    first = target.start_sandbox(estate, {"PATH": "/bin"}, terraform_bin="tf")
    second = target.start_sandbox(estate, {"PATH": "/bin"})

    assert (first.was_started, second.was_started) == (True, False)
    assert len(fake.started) == 1
    assert first.target.terraform_bin == "tf"
    assert (second.provider, second.modules) == (
        "mirror /m",
        "wealist's stand-ins (the public registry does not answer)",
    )


def test_the_target_is_a_copy_with_keys_that_no_account_knows(estate: Estate, fake: Fake) -> None:
    found = target.start_sandbox(estate, {"PATH": "/bin"}).target

    home = estate.root / ".wealist" / "sandbox"
    assert (found.name, found.home, found.work_root) == ("sandbox", home, home / "work")
    assert found.source_root == estate.root
    assert (found.aws.endpoint_url, found.aws.access_key, found.aws.is_hermetic) == (URL, CREDENTIAL.access_key, True)
    layer = estate.layer("foundation")
    assert (found.folder(layer.path) / "main.tf").read_text() == (layer.path / "main.tf").read_text()
    assert home.stat().st_mode & 0o777 == 0o700


def test_nothing_of_a_real_account_gets_in(estate: Estate, fake: Fake) -> None:
    environ = {"PATH": "/bin", "LANG": "ko_KR.UTF-8", "HTTPS_PROXY": "http://proxy:1", **REAL}

    found = target.start_sandbox(estate, environ).target

    assert not [name for name, value in found.environ.items() if "REAL" in value]
    assert (found.environ["PATH"], found.environ["LANG"]) == ("/bin", "ko_KR.UTF-8")
    assert found.environ["AWS_ENDPOINT_URL"] == URL
    assert found.environ["AWS_ACCESS_KEY_ID"] == CREDENTIAL.access_key
    assert found.environ["AWS_SECRET_ACCESS_KEY"] == CREDENTIAL.secret_key
    assert found.environ["AWS_CONFIG_FILE"] == "/dev/null"
    profiles = estate.root / ".wealist" / "sandbox" / "aws-credentials"
    assert found.environ["AWS_SHARED_CREDENTIALS_FILE"] == str(profiles)
    assert (profiles.read_text(), profiles.stat().st_mode & 0o777) == ("", 0o600)
    assert found.environ["AWS_EC2_METADATA_DISABLED"] == "true"
    assert found.environ["NO_PROXY"] == found.environ["no_proxy"] == "127.0.0.1,localhost"
    assert found.environ["HOME"] == str(estate.root / ".wealist" / "sandbox" / "home")


def test_terraforms_environment_in_the_sandbox_is_as_clean_as_outside(estate: Estate, fake: Fake) -> None:
    environ = {
        "PATH": "/bin",
        "TF_CLI_ARGS_plan": "-destroy",
        "TF_TOKEN_app_terraform_io": "token",
        "TF_AWS_S3_ENDPOINT": "https://elsewhere.example",
        "TF_PLUGIN_CACHE_DIR": "/cache",
    }

    child = child_environment(target.start_sandbox(estate, environ).target.environ)

    assert list(child.dropped) == ["TF_CLI_ARGS_plan"]
    assert not [name for name in child.values if name.startswith(("TF_TOKEN_", "TF_AWS_"))]
    assert child.values["TF_PLUGIN_CACHE_DIR"] == "/cache"
    assert child.values["TF_CLI_CONFIG_FILE"] == str(estate.root / ".wealist" / "sandbox" / "terraform.rc")


def test_only_an_init_may_reach_a_registry(estate: Estate, fake: Fake) -> None:
    found = target.start_sandbox(estate, {"PATH": "/bin", "HTTPS_PROXY": "http://me:secret@proxy:1"}).target

    proxies = {name: value for name, value in found.environ.items() if name.lower().endswith("_proxy")}
    assert {value for name, value in proxies.items() if name.lower() != "no_proxy"} == {"http://127.0.0.1:1"}
    assert {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} <= proxies.keys()
    assert {name: value for name, value in found.fetching.items() if value} == {
        "HTTPS_PROXY": "http://me:secret@proxy:1"
    }
    # What an init is not given is empty, and so no proxy at all.
    assert found.fetching.keys() == proxies.keys() - {"NO_PROXY", "no_proxy"}
    assert "secret" not in repr(found)


def test_profiles_that_the_hcl_names_stand_for_the_sandbox(estate: Estate, fake: Fake) -> None:
    main = estate.layer("foundation").path / "main.tf"
    main.write_text(f'{main.read_text()}\nprovider "aws" {{\n  profile = "team"\n}}\n')

    found = target.start_sandbox(Estate.find(estate.root), {})

    assert found.profiles == ("team",)
    assert (
        f"[team]\naws_access_key_id = {CREDENTIAL.access_key}\n"
        in (estate.root / ".wealist" / "sandbox" / "aws-credentials").read_text()
    )


def test_a_layer_that_could_lead_out_is_refused(estate: Estate, fake: Fake) -> None:
    layer = estate.layer("foundation")
    main = layer.path / "main.tf"
    main.write_text(f'{main.read_text()}\nprovider "aws" {{\n  access_key = "AKIA"\n}}\n')
    estate = Estate.find(estate.root)
    found = target.start_sandbox(estate, {}).target

    found.check(estate.layer("compute"), found.folder(layer.path))
    with pytest.raises(ConfigError, match="access_key of provider aws"):
        found.check(estate.layer("foundation"), found.folder(layer.path))


def test_terraforms_configuration_is_written_on_every_command(estate: Estate, fake: Fake) -> None:
    target.start_sandbox(estate, {})
    config = estate.root / ".wealist" / "sandbox" / "terraform.rc"
    written = config.read_text()
    assert f"{URL}/_wealist/{CREDENTIAL.registry}/v1/" in written

    config.write_text('provider_installation { network_mirror { url = "https://elsewhere.example/" } }')
    config.chmod(0o644)
    target.start_sandbox(estate, {})

    assert (config.read_text(), config.stat().st_mode & 0o777) == (written, 0o600)


@pytest.mark.parametrize(
    "change",
    [{"cli_config": "# another"}, {"seal": "0" * 64}, {"seal": None}, {"provider": "another"}, {"token": "another"}],
)
def test_a_setup_that_somebody_else_wrote_is_not_used(estate: Estate, fake: Fake, change: dict[str, Any]) -> None:
    target.start_sandbox(estate, {})
    home = estate.root / ".wealist" / "sandbox"
    setup = json.loads((home / "setup.json").read_text())
    written = (home / "terraform.rc").read_text()

    (home / "setup.json").write_text(json.dumps({**setup, **change}))
    again = target.start_sandbox(estate, {})

    assert again.was_started
    assert (home / "terraform.rc").read_text() == written


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}"])
def test_a_setup_that_can_not_be_read_starts_the_sandbox_again(estate: Estate, fake: Fake, text: str) -> None:
    target.start_sandbox(estate, {})
    (estate.root / ".wealist" / "sandbox" / "setup.json").write_text(text)

    assert target.start_sandbox(estate, {}).was_started


@pytest.mark.parametrize(
    ("modules", "described"),
    [
        (ModuleSource.REGISTRY, "the public registry, registry.terraform.io"),
        (ModuleSource.MIRROR, "mirror MIRROR, and wealist's stand-ins for what it lacks"),
    ],
)
def test_where_modules_come_from_is_always_said(
    modules: ModuleSource, described: str, estate: Estate, fake: Fake, tmp_path: Path
) -> None:
    fake.modules = modules
    mirror = str(tmp_path)

    found = target.start_sandbox(estate, {"WEALIST_MODULE_MIRROR": mirror})

    assert found.modules == described.replace("MIRROR", mirror)
    served = fake.started[0]["modules"]
    assert served == ([tmp_path, control.STAND_INS] if modules is ModuleSource.MIRROR else [control.STAND_INS])


def test_a_new_server_forgets_modules_that_were_downloaded_before(estate: Estate, fake: Fake) -> None:
    target.start_sandbox(estate, {})
    data = estate.root / ".wealist/sandbox/work/terraform/prod/foundation/.terraform"
    (data / "modules").mkdir(parents=True)
    target.start_sandbox(estate, {})
    assert (data / "modules").exists()

    fake.running = None
    target.start_sandbox(estate, {})

    assert not (data / "modules").exists()


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ("", None),
        ("accounts: {prod: '210987654321'}\n", "210987654321"),
    ],
)
def test_the_account_that_is_pinned_is_the_sandboxs(
    accounts: str, expected: str | None, tmp_path: Path, fake: Fake
) -> None:
    estate = Estate.find(write_estate(tmp_path / "estate", YAML + accounts))

    target.start_sandbox(estate, {})

    assert fake.started[0]["account_id"] == expected


def test_the_estate_itself_is_not_touched(estate: Estate, fake: Fake) -> None:
    before = {path: path.read_bytes() for path in estate.root.rglob("*") if path.is_file()}

    target.start_sandbox(estate, {})

    after = {path: path.read_bytes() for path in estate.root.rglob("*") if path.is_file()}
    assert {path: content for path, content in after.items() if ".wealist" not in path.parts} == before


def test_the_setup_is_plain_data(estate: Estate, fake: Fake) -> None:
    target.start_sandbox(estate, {})

    setup = json.loads((estate.root / ".wealist" / "sandbox" / "setup.json").read_text())
    assert {"provider", "modules"} <= set(setup)


def test_a_source_that_is_asked_for_too_late_is_named(estate: Estate, fake: Fake, tmp_path: Path) -> None:
    environ = {"WEALIST_MODULE_MIRROR": str(tmp_path)}

    assert target.start_sandbox(estate, environ).unheeded == ()
    assert target.start_sandbox(estate, environ).unheeded == ()
    assert target.start_sandbox(estate, {}).unheeded == ("WEALIST_MODULE_MIRROR",)
