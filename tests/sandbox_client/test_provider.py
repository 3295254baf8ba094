from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import hcl
from orchestrator.errors import ConfigError, SandboxError
from orchestrator.sandbox import provider
from orchestrator.sandbox.provider import ModuleSource, ProviderSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one place outside the environment's own folders that is looked at."""
    shelf = tmp_path / "opt"
    shelf.mkdir()
    monkeypatch.setattr(provider, "_SHELVES", (str(shelf), str(tmp_path / "nowhere")))
    return shelf


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A shell in which nothing of the machine's can be found."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}


def fill(mirror: Path, *names: str) -> Path:
    for name in names or ("registry.terraform.io/hashicorp/aws",):
        (mirror / name).mkdir(parents=True)
    return mirror


def parse(folder: Path, text: str) -> hcl.Block:
    path = folder / "parsed.tf"
    path.write_text(text, encoding="utf-8")
    return hcl.parse_file(path)


def mirrored(folder: Path, source: ProviderSource) -> Any:
    (block,) = parse(folder, source.block + "\n").blocks
    return next(block.find("filesystem_mirror")).attributes["path"].value


def answers(monkeypatch: pytest.MonkeyPatch, *, yes: bool) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if not yes:
            raise OSError("no route to host")
        return io.BytesIO(b"{}")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_a_mirror_that_is_named_comes_first(environ: dict[str, str], tmp_path: Path, shelf: Path) -> None:
    fill(shelf / "other")
    mirror = fill(tmp_path / "mirror", "registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/random")

    source = provider.provider_source({**environ, "WEALIST_PROVIDER_MIRROR": str(mirror)})

    assert source.description == f"mirror {mirror} (WEALIST_PROVIDER_MIRROR)"
    (block,) = parse(tmp_path, source.block + "\n").blocks
    held = ["registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/random"]
    assert next(block.find("filesystem_mirror")).attributes["include"].value == held
    assert next(block.find("direct")).attributes["exclude"].value == held


def test_a_mirror_that_lacks_the_provider_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"no registry\.terraform\.io/hashicorp/aws in that folder") as caught:
        provider.provider_source({**environ, "WEALIST_PROVIDER_MIRROR": str(tmp_path)})

    assert caught.value.hint == f"fill it: terraform providers mirror {tmp_path}"


@pytest.mark.parametrize("named", [True, False])
def test_the_users_own_configuration_comes_next(
    environ: dict[str, str], tmp_path: Path, shelf: Path, *, named: bool
) -> None:
    fill(shelf / "other")
    config = tmp_path / "home" / ".terraformrc"
    config.write_text('plugin_cache_dir = "x"\nprovider_installation {\n  direct {\n  }\n}\n')

    source = provider.provider_source({**environ, "TF_CLI_CONFIG_FILE": str(config)} if named else environ)

    assert source.description == f"your CLI configuration {config}"
    assert source.block.startswith("provider_installation {")
    assert "plugin_cache_dir" not in source.block


def test_a_configuration_that_says_nothing_of_providers_is_passed_over(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home" / ".terraformrc").write_text('plugin_cache_dir = "x"\n')

    assert provider.provider_source(environ).block == ""


def test_a_configuration_that_does_not_parse_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home" / ".terraformrc").write_text("provider_installation {")

    with pytest.raises(ConfigError, match="this block has no end"):
        provider.provider_source(environ)


@pytest.mark.parametrize(
    "where",
    [
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
        "share/terraform/plugins",
        "opt/providers",
    ],
)
def test_terraforms_own_places_and_the_usual_shelves_are_looked_at(
    where: str, environ: dict[str, str], tmp_path: Path
) -> None:
    mirror = fill(tmp_path / where)

    source = provider.provider_source(environ)

    assert source.description == f"mirror {mirror}"
    assert mirrored(tmp_path, source) == str(mirror)


def test_where_there_is_nothing_it_is_the_registry(environ: dict[str, str]) -> None:
    assert provider.provider_source(environ) == ProviderSource(description="the public registry, registry.terraform.io")


@pytest.mark.parametrize(("answer", "source"), [(True, ModuleSource.REGISTRY), (False, ModuleSource.STAND_INS)])
def test_modules_come_from_the_registry_where_it_answers(
    source: ModuleSource, monkeypatch: pytest.MonkeyPatch, *, answer: bool
) -> None:
    asked = answers(monkeypatch, yes=answer)

    assert provider.module_source({}) is source
    assert asked == ["https://registry.terraform.io/.well-known/terraform.json"]


def test_a_mirror_of_modules_is_taken_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, yes=True)

    assert provider.module_source({"WEALIST_MODULE_MIRROR": str(tmp_path)}) is ModuleSource.MIRROR
    assert asked == []


@pytest.mark.parametrize("wanted", list(ModuleSource))
def test_what_is_wanted_is_taken(wanted: ModuleSource, tmp_path: Path) -> None:
    environ = {"WEALIST_MODULE_SOURCE": str(wanted), "WEALIST_MODULE_MIRROR": str(tmp_path)}

    assert provider.module_source(environ) is wanted


@pytest.mark.parametrize(
    ("environ", "message", "hint"),
    [
        (
            {"WEALIST_MODULE_SOURCE": "github"},
            "WEALIST_MODULE_SOURCE=github: no such source",
            "one of: mirror, registry, stand-ins, or leave it out",
        ),
        (
            {"WEALIST_MODULE_MIRROR": "/nowhere"},
            "WEALIST_MODULE_MIRROR=/nowhere: no such folder",
            "it holds NAMESPACE/NAME/PROVIDER/VERSION/*.tf, as in terraform-aws-modules/vpc/aws/5.21.0",
        ),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(environ: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(SandboxError) as caught:
        provider.module_source(environ)

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_mirror_that_is_wanted_has_to_be_named() -> None:
    with pytest.raises(SandboxError, match="WEALIST_MODULE_SOURCE=mirror needs a folder") as caught:
        provider.module_source({"WEALIST_MODULE_SOURCE": "mirror"})

    assert caught.value.hint == "WEALIST_MODULE_MIRROR=DIR"


@pytest.fixture
def config(tmp_path: Path) -> Callable[[ProviderSource, ModuleSource], hcl.Block]:
    """The generated configuration, parsed."""

    def generate(source: ProviderSource, modules: ModuleSource) -> hcl.Block:
        text = provider.cli_config(
            source, modules, registry_url="http://127.0.0.1:4566/_wealist/secret", plugin_cache=tmp_path / "plugins"
        )
        return parse(tmp_path, text)

    return generate


def test_the_configuration_of_a_registry_caches_providers(
    config: Callable[[ProviderSource, ModuleSource], hcl.Block], tmp_path: Path
) -> None:
    found = config(ProviderSource(description="r"), ModuleSource.REGISTRY)

    assert found.attributes["plugin_cache_dir"].value == str(tmp_path / "plugins")
    assert found.attributes["disable_checkpoint"].value is True
    assert found.blocks == ()


def test_the_configuration_of_a_mirror_holds_its_block_and_no_cache(
    config: Callable[[ProviderSource, ModuleSource], hcl.Block],
) -> None:
    block = 'provider_installation {\n  filesystem_mirror {\n    path = "/m"\n  }\n}'

    found = config(ProviderSource(description="m", block=block), ModuleSource.REGISTRY)

    assert "plugin_cache_dir" not in found.attributes
    assert [b.type for b in found.blocks] == ["provider_installation"]


@pytest.mark.parametrize("modules", [ModuleSource.MIRROR, ModuleSource.STAND_INS])
def test_modules_that_the_sandbox_serves_are_found_at_its_server(
    modules: ModuleSource, config: Callable[[ProviderSource, ModuleSource], hcl.Block]
) -> None:
    (host,) = config(ProviderSource(description="r"), modules).find("host", "registry.terraform.io")

    assert host.attributes["services"].value == {
        "modules.v1": "http://127.0.0.1:4566/_wealist/secret/v1/",
        "providers.v1": "https://registry.terraform.io/v1/providers/",
    }
