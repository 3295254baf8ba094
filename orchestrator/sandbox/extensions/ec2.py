"""EC2: launch templates whose tags are their own, and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ec2.models import EC2Backend

from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.ec2.models.launch_templates import LaunchTemplate

_OWN = "launch-template"

_create_launch_template = EC2Backend.create_launch_template
_describe_launch_templates = EC2Backend.describe_launch_templates


def create_launch_template(
    self: EC2Backend, name: str, description: str, template_data: dict[str, Any], tag_spec: dict[str, Any]
) -> LaunchTemplate:
    """CreateLaunchTemplate: moto puts the template's own tags among those of what is launched from it.

    Terraform would take them out again, with a new version of the template, in the plan after the first.
    """
    specifications = template_data.pop("TagSpecifications", None) or []
    if launched := [one for one in specifications if one["ResourceType"] != _OWN]:
        template_data["TagSpecifications"] = launched
    return _create_launch_template(self, name, description, template_data, tag_spec)


def describe_launch_templates(
    self: EC2Backend,
    template_names: list[str] | None = None,
    template_ids: list[str] | None = None,
    filters: Any = None,
) -> list[LaunchTemplate]:
    """DescribeLaunchTemplates: moto shows the tags that a template was made with, AWS those that it has."""
    found = _describe_launch_templates(self, template_names, template_ids, filters)
    for template in found:
        template.tags = template.get_tags()
    return found


def install() -> None:
    extend(EC2Backend, create_launch_template, describe_launch_templates)
