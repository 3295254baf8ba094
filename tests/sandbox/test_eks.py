from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from orchestrator.sandbox import extensions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/eks"
NODE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/node"
PLATFORM = f"arn:aws:iam::{ACCOUNT}:role/team/platform"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An extended AWS in this process, empty before each test."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    extensions.install()
    with mock_aws():
        yield


@cache
def client(service: str) -> Any:
    # Kept from test to test: reading a service's model takes longer than any call in here.
    return boto3.client(service, region_name=REGION)


@pytest.fixture
def eks() -> Any:
    """A client; the cluster `prod` is there."""
    create_cluster("prod")
    return client("eks")


def subnet_ids() -> list[str]:
    found = client("ec2").describe_subnets()["Subnets"]
    return [subnet["SubnetId"] for subnet in sorted(found, key=lambda found: found["AvailabilityZone"])][:3]


def create_cluster(name: str, **overrides: Any) -> Any:
    asked = {
        "version": "1.35",
        "roleArn": ROLE,
        "resourcesVpcConfig": {"subnetIds": subnet_ids(), "endpointPublicAccess": False},
        "accessConfig": {"authenticationMode": "API"},
        **overrides,
    }
    return client("eks").create_cluster(name=name, **asked)["cluster"]


def create_template(**data: Any) -> Any:
    own = [{"ResourceType": "launch-template", "Tags": [{"Key": "Layer", "Value": "prod/compute"}]}]
    return client("ec2").create_launch_template(
        LaunchTemplateName="node", LaunchTemplateData={"EbsOptimized": True, **data}, TagSpecifications=own
    )["LaunchTemplate"]


def create_group(**overrides: Any) -> Any:
    asked = {
        "scalingConfig": {"minSize": 2, "desiredSize": 3, "maxSize": 6},
        "subnets": subnet_ids(),
        "nodeRole": NODE_ROLE,
        **overrides,
    }
    return client("eks").create_nodegroup(clusterName="prod", nodegroupName="spot", **asked)["nodegroup"]


def the_cluster() -> Any:
    return client("eks").describe_cluster(name="prod")["cluster"]


def the_group() -> Any:
    return client("eks").describe_nodegroup(clusterName="prod", nodegroupName="spot")["nodegroup"]


def the_addon(name: str) -> Any:
    return client("eks").describe_addon(clusterName="prod", addonName=name)["addon"]


def refusal(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**asked)
    code: str = error.value.response["Error"]["Code"]
    return code


class TestCluster:
    def test_it_shows_what_was_asked_for_and_what_aws_fills_in(self) -> None:
        cluster = create_cluster(
            "prod",
            logging={"clusterLogging": [{"types": ["audit", "api"], "enabled": True}]},
            upgradePolicy={"supportType": "STANDARD"},
        )

        assert cluster == the_cluster()
        assert (cluster["status"], cluster["version"]) == ("ACTIVE", "1.35")
        assert cluster["accessConfig"]["authenticationMode"] == "API"
        assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
        network = cluster["resourcesVpcConfig"]
        assert network["subnetIds"] == subnet_ids()
        assert (network["endpointPublicAccess"], network["endpointPrivateAccess"]) == (False, False)
        assert network["publicAccessCidrs"] == []
        assert cluster["kubernetesNetworkConfig"]["ipFamily"] == "ipv4"
        assert cluster["logging"]["clusterLogging"] == [
            {"types": ["api", "audit"], "enabled": True},
            {"types": ["authenticator", "controllerManager", "scheduler"], "enabled": False},
        ]

    def test_what_is_not_asked_for_is_chosen_as_aws_does(self) -> None:
        cluster = create_cluster("prod", accessConfig={}, resourcesVpcConfig={"subnetIds": subnet_ids()})

        assert cluster["accessConfig"]["authenticationMode"] == "CONFIG_MAP"
        assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}
        assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]

    def test_each_has_an_issuer_of_its_own(self) -> None:
        issuers = {create_cluster(name)["identity"]["oidc"]["issuer"] for name in ("one", "two")}

        assert len(issuers) == 2

    def test_its_security_group_comes_and_goes_with_it(self, eks: Any) -> None:
        network = the_cluster()["resourcesVpcConfig"]
        [group] = client("ec2").describe_security_groups(GroupIds=[network["clusterSecurityGroupId"]])["SecurityGroups"]
        assert group["VpcId"] == network["vpcId"]
        assert {"Key": "kubernetes.io/cluster/prod", "Value": "owned"} in group["Tags"]
        [rule] = group["IpPermissions"]
        assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group["GroupId"]]

        assert eks.delete_cluster(name="prod")["cluster"]["status"] == "DELETING"

        assert eks.list_clusters()["clusters"] == []
        assert refusal(client("ec2").describe_security_groups, GroupIds=[group["GroupId"]]) == "InvalidGroup.NotFound"

    @pytest.mark.parametrize(
        "overrides",
        [
            {"version": "1.19"},
            {"resourcesVpcConfig": {"subnetIds": ["subnet-0123"]}},
            {"resourcesVpcConfig": {"subnetIds": []}},
        ],
    )
    def test_what_aws_refuses_is_refused(self, overrides: dict[str, Any]) -> None:
        assert refusal(create_cluster, name="prod", **overrides) == "InvalidParameterException"
        assert client("eks").list_clusters()["clusters"] == []

    def test_subnets_must_be_in_two_zones(self) -> None:
        one = {"subnetIds": subnet_ids()[:1]}

        assert refusal(create_cluster, name="prod", resourcesVpcConfig=one) == "InvalidParameterException"

    def test_a_change_of_the_endpoint_leaves_the_rest(self, eks: Any) -> None:
        before = the_cluster()["resourcesVpcConfig"]

        update = eks.update_cluster_config(
            name="prod", resourcesVpcConfig={"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.5/32"]}
        )["update"]

        assert (update["type"], update["status"]) == ("EndpointAccessUpdate", "Successful")
        changed = {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.5/32"]}
        assert the_cluster()["resourcesVpcConfig"] == {**before, **changed}

    def test_logs_are_switched_one_by_one(self, eks: Any) -> None:
        for types, enabled in ((["api", "audit"], True), (["api"], False)):
            eks.update_cluster_config(name="prod", logging={"clusterLogging": [{"types": types, "enabled": enabled}]})

        assert the_cluster()["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}

    def test_settings_change(self, eks: Any) -> None:
        update = eks.update_cluster_config(name="prod", upgradePolicy={"supportType": "STANDARD"})["update"]

        assert update["type"] == "UpgradePolicyUpdate"
        assert the_cluster()["upgradePolicy"] == {"supportType": "STANDARD"}
        assert refusal(eks.update_cluster_config, name="prod") == "InvalidParameterException"

    def test_it_is_not_deleted_while_it_is_protected_or_has_nodes(self, eks: Any) -> None:
        eks.update_cluster_config(name="prod", deletionProtection=True)
        assert refusal(eks.delete_cluster, name="prod") == "InvalidRequestException"

        eks.update_cluster_config(name="prod", deletionProtection=False)
        create_group()
        assert refusal(eks.delete_cluster, name="prod") == "ResourceInUseException"

        eks.delete_nodegroup(clusterName="prod", nodegroupName="spot")
        eks.delete_cluster(name="prod")
        assert eks.list_clusters()["clusters"] == []

    def test_the_version_goes_up_one_at_a_time(self, eks: Any) -> None:
        update = eks.update_cluster_version(name="prod", version="1.36")["update"]

        assert (update["type"], the_cluster()["version"]) == ("VersionUpdate", "1.36")
        for version in ("1.35", "1.36", "1.38"):
            asked = {"name": "prod", "version": version}
            assert refusal(eks.update_cluster_version, **asked) == "InvalidParameterException"

    def test_a_key_is_given_once(self, eks: Any) -> None:
        asked = {
            "clusterName": "prod",
            "encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:r:1:key/1"}}],
        }
        eks.associate_encryption_config(**asked)

        assert the_cluster()["encryptionConfig"] == asked["encryptionConfig"]
        assert refusal(eks.associate_encryption_config, **asked) == "InvalidRequestException"


class TestUpdate:
    def test_it_is_found_under_what_it_changed(self, eks: Any) -> None:
        create_group()
        of_cluster = eks.update_cluster_version(name="prod", version="1.36")["update"]["id"]
        of_group = eks.update_nodegroup_version(clusterName="prod", nodegroupName="spot")["update"]["id"]

        assert eks.list_updates(name="prod")["updateIds"] == [of_cluster]
        assert eks.list_updates(name="prod", nodegroupName="spot")["updateIds"] == [of_group]
        found = eks.describe_update(name="prod", updateId=of_group, nodegroupName="spot")["update"]
        assert (found["status"], found["errors"]) == ("Successful", [])
        assert {"type": "Version", "value": "1.36"} in found["params"]
        assert refusal(eks.describe_update, name="prod", updateId=of_group) == "ResourceNotFoundException"


class TestNodeGroup:
    def test_it_takes_after_the_cluster(self, eks: Any) -> None:
        group = create_group()

        assert group == the_group()
        assert (group["status"], group["version"]) == ("ACTIVE", "1.35")
        assert group["releaseVersion"].startswith("1.35.")
        assert (group["amiType"], group["diskSize"]) == ("AL2023_x86_64_STANDARD", 20)
        assert group["updateConfig"] == {"maxUnavailable": 1}
        assert [found["name"][:9] for found in group["resources"]["autoScalingGroups"]] == ["eks-spot-"]
        assert "remoteAccess" not in group
        assert "remoteAccessSecurityGroup" not in group["resources"]

    def test_it_keeps_what_was_asked_for(self, eks: Any) -> None:
        template = create_template()

        group = create_group(
            launchTemplate={"id": template["LaunchTemplateId"], "version": "1"},
            capacityType="SPOT",
            instanceTypes=["t3.medium", "t3a.medium"],
            updateConfig={"maxUnavailablePercentage": 33},
            labels={"pool": "spot"},
        )

        assert group["launchTemplate"] == {"id": template["LaunchTemplateId"], "name": "node", "version": "1"}
        assert "diskSize" not in group
        assert (group["capacityType"], group["instanceTypes"]) == ("SPOT", ["t3.medium", "t3a.medium"])
        assert group["updateConfig"] == {"maxUnavailablePercentage": 33}

    def test_a_template_is_found_by_name_in_its_default_version(self, eks: Any) -> None:
        template = create_template()

        found = create_group(launchTemplate={"name": "node"})["launchTemplate"]

        assert found == {"id": template["LaunchTemplateId"], "name": "node", "version": "1"}

    @pytest.mark.parametrize(
        "overrides",
        [
            {"launchTemplate": {"id": "lt-0123"}},
            {"launchTemplate": {"name": "node", "version": "7"}},
            {"scalingConfig": {"minSize": 4, "desiredSize": 3, "maxSize": 6}},
            {"scalingConfig": {"minSize": 2, "desiredSize": 7, "maxSize": 6}},
        ],
    )
    def test_what_aws_refuses_is_refused(self, eks: Any, overrides: dict[str, Any]) -> None:
        create_template()

        assert refusal(create_group, **overrides) == "InvalidParameterException"
        assert eks.list_nodegroups(clusterName="prod")["nodegroups"] == []

    @pytest.mark.parametrize("version", ["1.36", "1.31"])
    def test_its_version_is_not_far_from_the_control_planes(self, eks: Any, version: str) -> None:
        assert refusal(create_group, version=version) == "InvalidRequestException"

    def test_sizes_change_unless_they_contradict(self, eks: Any) -> None:
        create_group()
        names = {"clusterName": "prod", "nodegroupName": "spot"}

        update = eks.update_nodegroup_config(**names, scalingConfig={"maxSize": 8})["update"]

        assert the_group()["scalingConfig"] == {"minSize": 2, "desiredSize": 3, "maxSize": 8}
        assert eks.describe_update(name="prod", nodegroupName="spot", updateId=update["id"])["update"] == update
        with pytest.raises(ClientError, match="Minimum capacity 4 can't be greater than desired size 3"):
            eks.update_nodegroup_config(**names, scalingConfig={"minSize": 4})

    def test_it_follows_the_cluster_and_its_template(self, eks: Any) -> None:
        template = {"id": create_template()["LaunchTemplateId"]}
        create_group(launchTemplate=template)
        names = {"clusterName": "prod", "nodegroupName": "spot"}
        eks.update_cluster_version(name="prod", version="1.36")

        eks.update_nodegroup_version(**names, version="1.36")
        assert the_group()["version"] == "1.36"
        assert the_group()["releaseVersion"].startswith("1.36.")

        client("ec2").create_launch_template_version(
            LaunchTemplateId=template["id"], LaunchTemplateData={"EbsOptimized": False}
        )
        eks.update_nodegroup_version(**names, launchTemplate={**template, "version": "2"})
        assert the_group()["launchTemplate"]["version"] == "2"

    def test_its_role_is_let_in_as_long_as_it_is_there(self, eks: Any) -> None:
        create_group()

        entry = eks.describe_access_entry(clusterName="prod", principalArn=NODE_ROLE)["accessEntry"]
        assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])

        eks.delete_nodegroup(clusterName="prod", nodegroupName="spot")
        assert eks.list_access_entries(clusterName="prod")["accessEntries"] == []


class TestAddon:
    def test_it_is_created_in_aws_default_version(self, eks: Any) -> None:
        addon = eks.create_addon(clusterName="prod", addonName="kube-proxy")["addon"]

        assert addon == the_addon("kube-proxy")
        assert (addon["status"], addon["health"]) == ("ACTIVE", {"issues": []})
        assert addon["addonVersion"].startswith("v1.35.")
        assert eks.list_addons(clusterName="prod")["addons"] == ["kube-proxy"]

    def test_it_is_updated(self, eks: Any) -> None:
        eks.create_addon(clusterName="prod", addonName="coredns", configurationValues='{"replicaCount":2}')

        update = eks.update_addon(clusterName="prod", addonName="coredns", addonVersion="v1.14.2-eksbuild.1")["update"]

        found = eks.describe_update(name="prod", addonName="coredns", updateId=update["id"])["update"]
        assert (found["type"], found["status"]) == ("AddonUpdate", "Successful")
        addon = the_addon("coredns")
        assert (addon["addonVersion"], addon["configurationValues"]) == ("v1.14.2-eksbuild.1", '{"replicaCount":2}')

    @pytest.mark.parametrize(
        ("name", "version"),
        [
            ("vpc-cni", "latest"),
            ("kube-proxy", "v1.36.1-eksbuild.2"),
            ("kube-proxy", "v1.31.1-eksbuild.2"),
            ("no-such-addon", "v1.0.0-eksbuild.1"),
        ],
    )
    def test_what_aws_refuses_is_refused(self, eks: Any, name: str, version: str) -> None:
        asked = {"clusterName": "prod", "addonName": name, "addonVersion": version}

        assert refusal(eks.create_addon, **asked) == "InvalidParameterException"
        assert eks.list_addons(clusterName="prod")["addons"] == []

    def test_its_roles_come_change_and_go_with_it(self, eks: Any) -> None:
        def identities() -> dict[str, str]:
            found = eks.list_pod_identity_associations(clusterName="prod")["associations"]
            described = [
                eks.describe_pod_identity_association(clusterName="prod", associationId=one["associationId"])
                for one in found
            ]
            return {one["association"]["associationArn"]: one["association"]["roleArn"] for one in described}

        addon = eks.create_addon(
            clusterName="prod",
            addonName="vpc-cni",
            podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": ROLE}],
        )["addon"]
        assert identities() == {addon["podIdentityAssociations"][0]: ROLE}

        # Not named: left as they are.
        eks.update_addon(clusterName="prod", addonName="vpc-cni", addonVersion="v1.21.1-eksbuild.3")
        assert list(identities()) == addon["podIdentityAssociations"]

        eks.update_addon(
            clusterName="prod",
            addonName="vpc-cni",
            podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": NODE_ROLE}],
        )
        assert identities() == {the_addon("vpc-cni")["podIdentityAssociations"][0]: NODE_ROLE}

        assert eks.delete_addon(clusterName="prod", addonName="vpc-cni")["addon"]["status"] == "DELETING"
        assert identities() == {}
        assert refusal(the_addon, name="vpc-cni") == "ResourceNotFoundException"

    def test_each_kubernetes_version_has_one_default(self) -> None:
        eks = client("eks")
        for kubernetes in ("1.34", "1.35"):
            [offer] = eks.describe_addon_versions(addonName="coredns", kubernetesVersion=kubernetes)["addons"]
            defaults = [
                build["addonVersion"]
                for build in offer["addonVersions"]
                for compatible in build["compatibilities"]
                if compatible["defaultVersion"]
            ]
            assert len(defaults) == 1
            # Newest first, and a newer one than the default to move to.
            assert offer["addonVersions"][0]["addonVersion"] != defaults[0]
        assert {offer["addonName"] for offer in eks.describe_addon_versions()["addons"]} >= {"coredns", "vpc-cni"}
        assert eks.describe_addon_versions(addonName="nothing")["addons"] == []


class TestAccess:
    def test_an_entry_gets_a_user_name(self, eks: Any) -> None:
        entry = eks.create_access_entry(clusterName="prod", principalArn=PLATFORM)["accessEntry"]

        assert entry == eks.describe_access_entry(clusterName="prod", principalArn=PLATFORM)["accessEntry"]
        assert entry["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/platform/{{{{SessionName}}}}"
        assert (entry["type"], entry["kubernetesGroups"]) == ("STANDARD", [])
        assert eks.list_access_entries(clusterName="prod")["accessEntries"] == [PLATFORM]

    def test_it_changes_and_goes_with_its_policies(self, eks: Any) -> None:
        names = {"clusterName": "prod", "principalArn": PLATFORM}
        eks.create_access_entry(**names)
        eks.associate_access_policy(**names, policyArn=VIEW, accessScope={"type": "cluster"})

        eks.update_access_entry(**names, kubernetesGroups=["board"])
        assert eks.describe_access_entry(**names)["accessEntry"]["kubernetesGroups"] == ["board"]

        eks.delete_access_entry(**names)
        assert refusal(eks.describe_access_entry, **names) == "ResourceNotFoundException"
        eks.create_access_entry(**names)
        assert eks.list_associated_access_policies(**names)["associatedAccessPolicies"] == []

    def test_a_policy_is_associated_widened_and_taken_away(self, eks: Any) -> None:
        names = {"clusterName": "prod", "principalArn": PLATFORM}
        eks.create_access_entry(**names)

        for scope in ({"type": "namespace", "namespaces": ["board"]}, {"type": "cluster", "namespaces": []}):
            eks.associate_access_policy(**names, policyArn=VIEW, accessScope=scope)
            [found] = eks.list_associated_access_policies(**names)["associatedAccessPolicies"]
            assert (found["policyArn"], found["accessScope"]) == (VIEW, scope)
        assert eks.list_access_entries(clusterName="prod", associatedPolicyArn=VIEW)["accessEntries"] == [PLATFORM]

        eks.disassociate_access_policy(**names, policyArn=VIEW)
        assert eks.list_associated_access_policies(**names)["associatedAccessPolicies"] == []
        asked = {**names, "policyArn": VIEW}
        assert refusal(eks.disassociate_access_policy, **asked) == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("policy", "scope"),
        [
            (f"{VIEW}er", {"type": "cluster"}),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", {"type": "cluster"}),
            (VIEW, {"type": "namespace"}),
            (VIEW, {"type": "cluster", "namespaces": ["board"]}),
        ],
    )
    def test_what_aws_refuses_is_refused(self, eks: Any, policy: str, scope: dict[str, Any]) -> None:
        names = {"clusterName": "prod", "principalArn": PLATFORM}
        eks.create_access_entry(**names)

        asked = {**names, "policyArn": policy, "accessScope": scope}
        assert refusal(eks.associate_access_policy, **asked) == "InvalidParameterException"
        assert refusal(eks.create_access_entry, **names) == "ResourceInUseException"

    @pytest.mark.parametrize("principal", [f"arn:aws:iam::{ACCOUNT}:root", "platform"])
    def test_a_principal_is_a_role_or_a_user(self, eks: Any, principal: str) -> None:
        asked = {"clusterName": "prod", "principalArn": principal}

        assert refusal(eks.create_access_entry, **asked) == "InvalidParameterException"

    def test_where_the_config_map_decides_there_are_no_entries(self) -> None:
        create_cluster("prod", accessConfig={"authenticationMode": "CONFIG_MAP"})
        create_group()

        assert refusal(client("eks").list_access_entries, clusterName="prod") == "InvalidRequestException"

    def test_the_policies_are_listed(self) -> None:
        found = client("eks").list_access_policies()["accessPolicies"]

        assert {"name": "AmazonEKSViewPolicy", "arn": VIEW} in found


class TestPodIdentity:
    def test_a_service_account_has_one_role(self, eks: Any) -> None:
        asked = {"clusterName": "prod", "namespace": "board", "serviceAccount": "api", "roleArn": ROLE}
        made = eks.create_pod_identity_association(**asked)["association"]
        assert made["associationArn"].endswith(f":podidentityassociation/prod/{made['associationId']}")
        assert refusal(eks.create_pod_identity_association, **asked) == "ResourceInUseException"
        eks.create_pod_identity_association(**{**asked, "namespace": "chat"})

        found = eks.list_pod_identity_associations(clusterName="prod", namespace="board")["associations"]
        assert [one["associationId"] for one in found] == [made["associationId"]]

        names = {"clusterName": "prod", "associationId": made["associationId"]}
        eks.update_pod_identity_association(**names, roleArn=NODE_ROLE)
        assert eks.describe_pod_identity_association(**names)["association"]["roleArn"] == NODE_ROLE

        eks.delete_pod_identity_association(**names)
        assert refusal(eks.describe_pod_identity_association, **names) == "ResourceNotFoundException"


class TestTags:
    def test_everything_can_be_tagged_and_untagged(self, eks: Any) -> None:
        names = {"clusterName": "prod", "principalArn": PLATFORM}
        arns = [
            the_cluster()["arn"],
            create_group()["nodegroupArn"],
            eks.create_addon(clusterName="prod", addonName="coredns")["addon"]["addonArn"],
            eks.create_access_entry(**names)["accessEntry"]["accessEntryArn"],
            eks.create_pod_identity_association(
                clusterName="prod", namespace="board", serviceAccount="api", roleArn=ROLE
            )["association"]["associationArn"],
        ]
        for arn in arns:
            eks.tag_resource(resourceArn=arn, tags={"one": "1", "two": "2", "three": "3"})
            eks.untag_resource(resourceArn=arn, tagKeys=["one", "two"])

            assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"three": "3"}
        assert refusal(eks.list_tags_for_resource, resourceArn=f"{arns[0]}x") == "ResourceNotFoundException"


class TestLaunchTemplate:
    def test_its_tags_are_not_those_of_what_is_launched(self) -> None:
        tags = [{"Key": "Name", "Value": "node"}]
        template = create_template(TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])

        ec2 = client("ec2")
        [version] = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])[
            "LaunchTemplateVersions"
        ]
        assert version["LaunchTemplateData"]["TagSpecifications"] == [{"ResourceType": "instance", "Tags": tags}]

    def test_its_tags_change(self) -> None:
        ec2 = client("ec2")
        template_id = create_template()["LaunchTemplateId"]

        ec2.create_tags(Resources=[template_id], Tags=[{"Key": "Owner", "Value": "platform"}])
        ec2.delete_tags(Resources=[template_id], Tags=[{"Key": "Layer"}])

        [template] = ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"]
        assert template["Tags"] == [{"Key": "Owner", "Value": "platform"}]
