"""The table that the guards judge by: which resource types are stateful, and which attributes protect something.

Types and attributes are those of the AWS provider 5.100; a test compares them with the provider's schema. Attributes whose name
says it all protect on any type, those that mean something on one type only stand with the type and the whole path, without the
indexes in it. `guards.stateful` in wealist.yaml adds types; nothing takes one out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# The value of an attribute that is only known after the apply.
LATER = object()


def _types(service: str, names: str) -> frozenset[str]:
    return frozenset(f"aws_{service}_{name}" if service else f"aws_{name}" for name in names.split())


# By what they hold: data that can't be recreated from HCL, identities and keys that others refer to, or a network that
# everything is in. What is given in HCL as a whole, as a parameter's value is, is none.
STATEFUL: dict[str, frozenset[str]] = {
    "databases": _types(
        "", "db_instance rds_cluster rds_cluster_instance rds_global_cluster rds_shard_group dsql_cluster"
    )
    | _types("", "docdb_cluster docdb_cluster_instance docdb_global_cluster docdbelastic_cluster")
    | _types("", "neptune_cluster neptune_cluster_instance neptune_global_cluster neptunegraph_graph")
    | _types("", "dynamodb_table dynamodb_global_table dynamodb_table_replica dax_cluster")
    | _types(
        "", "keyspaces_keyspace keyspaces_table qldb_ledger simpledb_domain lightsail_database opsworks_rds_db_instance"
    )
    | _types("", "timestreamwrite_database timestreamwrite_table timestreaminfluxdb_db_instance finspace_kx_database"),
    "caches": _types("elasticache", "cluster replication_group global_replication_group serverless_cache")
    | _types("memorydb", "cluster multi_region_cluster"),
    "analytics": _types("", "redshift_cluster redshiftserverless_namespace redshiftserverless_workgroup emr_cluster")
    | _types("", "athena_database glue_catalog_database glue_catalog_table glue_registry kendra_index")
    | _types("", "opensearch_domain elasticsearch_domain opensearchserverless_collection cloudsearch_domain")
    | _types(
        "", "securitylake_data_lake finspace_kx_cluster finspace_kx_volume prometheus_workspace grafana_workspace"
    ),
    "objects and files": _types("", "s3_bucket s3_directory_bucket s3control_bucket lightsail_bucket glacier_vault")
    | _types("s3tables", "table_bucket namespace table")
    | _types("", "efs_file_system media_store_container cloudfront_key_value_store transfer_server sagemaker_domain")
    | _types("fsx", "lustre_file_system ontap_file_system ontap_storage_virtual_machine ontap_volume")
    | _types("fsx", "openzfs_file_system openzfs_volume windows_file_system file_cache")
    | _types("storagegateway", "gateway cached_iscsi_volume stored_iscsi_volume nfs_file_share smb_file_share"),
    "machines and volumes": _types("", "instance spot_instance_request ebs_volume lightsail_instance lightsail_disk")
    | _types("", "workspaces_workspace workspaces_directory sagemaker_notebook_instance appstream_image_builder"),
    "backups and images": _types("backup", "vault logically_air_gapped_vault")
    | _types("", "db_snapshot db_cluster_snapshot db_snapshot_copy rds_cluster_snapshot_copy docdb_cluster_snapshot")
    | _types("", "neptune_cluster_snapshot memorydb_snapshot redshift_cluster_snapshot redshiftserverless_snapshot")
    | _types("", "ebs_snapshot ebs_snapshot_copy ebs_snapshot_import fsx_backup fsx_openzfs_snapshot")
    | _types("", "ami ami_copy ami_from_instance kinesisanalyticsv2_application_snapshot"),
    "images and code": _types("", "ecr_repository ecrpublic_repository codeartifact_domain codeartifact_repository")
    | _types("", "codecommit_repository codecatalyst_source_repository"),
    "messages and streams": _types("", "sqs_queue sns_topic mq_broker msk_cluster msk_serverless_cluster")
    | _types("", "kinesis_stream kinesis_video_stream cloudwatch_event_archive"),
    "logs and audit": _types("", "cloudwatch_log_group cloudtrail_event_data_store detective_graph"),
    "keys, secrets and certificates": _types(
        "kms", "key external_key replica_key replica_external_key custom_key_store"
    )
    | _types("", "secretsmanager_secret acmpca_certificate_authority cloudhsm_v2_cluster")
    | _types("", "paymentcryptography_key"),
    "identities": _types("", "cognito_user_pool cognito_identity_pool identitystore_user identitystore_group")
    | _types("", "directory_service_directory organizations_organization organizations_account connect_instance")
    | _types("", "verifiedpermissions_policy_store"),
    "what everything is in": _types("", "vpc eks_cluster route53_zone route53domains_domain"),
}
STATEFUL_TYPES = frozenset().union(*STATEFUL.values())


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch that protects while it is on, or while it is off; `default` is what the provider does with null."""

    on: bool = True
    default: bool | None = None
    partly: str = "weaken"

    def strength(self, value: Any) -> float:
        value = self.default if value is None else value
        return float((value is True) is self.on)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that protects the more, the larger it is."""

    default: float = 0
    is_zero_forever: bool = False
    partly: str = "shorten"

    def strength(self, value: Any) -> float:
        value = self.default if value is None else value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return 0.0
        return math.inf if value < 0 or (value == 0 and self.is_zero_forever) else float(value)


@dataclass(frozen=True, slots=True)
class Words:
    """One of several words, from no protection to the strongest."""

    order: tuple[str, ...]
    default: str | None = None
    partly: str = "weaken"

    def strength(self, value: Any) -> float:
        value = self.default if value is None else value
        return float(self.order.index(value)) if value in self.order else 0.0


@dataclass(frozen=True, slots=True)
class Given:
    """Whatever value it has, it protects."""

    partly: str = "weaken"

    def strength(self, value: Any) -> float:
        return float(bool(value))


@dataclass(frozen=True, slots=True)
class Protection:
    """What an attribute protects, as in "would lose WHAT", and which of its values do."""

    what: str
    rule: Flag | Amount | Words | Given

    def strength(self, value: Any) -> float:
        """How much a value protects; 0 is not at all, and so is what is only known after the apply."""
        return 0.0 if value is LATER else self.rule.strength(value)


_ON, _OFF, _ON_BY_DEFAULT, _DAYS = Flag(), Flag(on=False), Flag(default=True), Amount()
_FOREVER = Amount(is_zero_forever=True)
_ENABLED = Words(("DISABLED", "ENABLED"))
_DELETION, _TERMINATION = Protection("deletion protection", _ON), Protection("termination protection", _ON)
_PUBLIC_ACCESS = Protection("a public-access block", _ON)
_REFUSAL = Protection("the refusal to delete what is not empty", _OFF)
_BACKUPS, _SNAPSHOTS = Protection("automated backups", _DAYS), Protection("daily snapshots", _DAYS)
_ENCRYPTION, _AT_REST = Protection("encryption", _ON), Protection("encryption at rest", _ON)
_IN_TRANSIT = Protection("encryption in transit", _ON)
_KEY = Protection("the key itself", _ON)
_WINDOW = Protection("the time in which it can be restored", Amount(default=30))

# On whatever type: by the last part of an attribute's path.
BY_NAME: dict[str, Protection] = {
    "deletion_protection": _DELETION,
    "deletion_protection_enabled": _DELETION,
    "enable_deletion_protection": _DELETION,
    "delete_protection": _DELETION,
    "disable_api_termination": _TERMINATION,
    "termination_protection": _TERMINATION,
    "termination_protection_enabled": _TERMINATION,
    "disable_api_stop": Protection("stop protection", _ON),
    "final_snapshot": Protection("the final snapshot", _ON),
    "skip_final_snapshot": Protection("the final snapshot", _OFF),
    "skip_final_backup": Protection("the final backup", _OFF),
    "delete_automated_backups": Protection("backups that outlive it", Flag(on=False, default=True)),
    "force_destroy": _REFUSAL,
    "force_delete": _REFUSAL,
    "storage_encrypted": _ENCRYPTION,
    "encrypted": _ENCRYPTION,
    "root_volume_encryption_enabled": _ENCRYPTION,
    "user_volume_encryption_enabled": _ENCRYPTION,
    "at_rest_encryption_enabled": _AT_REST,
    "transit_encryption_enabled": _IN_TRANSIT,
    "require_tls": _IN_TRANSIT,
    "tls_enabled": Protection("encryption in transit", _ON_BY_DEFAULT),
    "enable_key_rotation": Protection("key rotation", _ON),
    "backup_retention_period": _BACKUPS,
    "automatic_backup_retention_days": _BACKUPS,
    "backup_retention_enabled": Protection("automated backups", _ON),
    "automated_snapshot_retention_period": Protection("automated snapshots", Amount(default=1)),
    "snapshot_retention_limit": _SNAPSHOTS,
    "deletion_window_in_days": _WINDOW,
    "recovery_window_in_days": _WINDOW,
    "permanent_deletion_time_in_days": _WINDOW,
    "block_public_acls": _PUBLIC_ACCESS,
    "block_public_policy": _PUBLIC_ACCESS,
    "ignore_public_acls": _PUBLIC_ACCESS,
    "restrict_public_buckets": _PUBLIC_ACCESS,
    "publicly_accessible": Protection("isolation from the internet", _OFF),
}
_DOMAIN: dict[str, Protection] = {
    "encrypt_at_rest.enabled": _AT_REST,
    "node_to_node_encryption.enabled": Protection("encryption between nodes", _ON),
    "domain_endpoint_options.enforce_https": Protection("the demand for HTTPS", _ON),
    "advanced_security_options.enabled": Protection("fine-grained access control", _ON),
}
_RETENTION = Protection("how long data is kept", _DAYS)
# On one type only: by the whole path.
BY_TYPE: dict[str, dict[str, Protection]] = {
    "aws_acmpca_certificate_authority": {"enabled": Protection("the authority itself", _ON_BY_DEFAULT)},
    "aws_backup_plan": {
        "rule.lifecycle.delete_after": Protection("how long backups are kept", _FOREVER),
        "rule.enable_continuous_backup": Protection("continuous backups", _ON),
    },
    "aws_backup_vault_lock_configuration": {"min_retention_days": Protection("how long backups are locked", _DAYS)},
    "aws_cloudtrail": {
        "enable_logging": Protection("the trail", _ON_BY_DEFAULT),
        "enable_log_file_validation": Protection("log file validation", _ON),
        "is_multi_region_trail": Protection("the trail of other regions", _ON),
    },
    "aws_cloudtrail_event_data_store": {"retention_period": Protection("how long data is kept", Amount(default=2555))},
    "aws_cloudwatch_log_group": {
        "retention_in_days": Protection("how long logs are kept", _FOREVER),
        "skip_destroy": Protection("logs that outlive it", _ON),
    },
    "aws_cognito_user_pool": {
        "deletion_protection": Protection("deletion protection", Words(("INACTIVE", "ACTIVE"))),
        "mfa_configuration": Protection("multi-factor authentication", Words(("OFF", "OPTIONAL", "ON"))),
    },
    "aws_config_configuration_recorder_status": {"is_enabled": Protection("the configuration recorder", _ON)},
    "aws_dlm_lifecycle_policy": {"state": Protection("snapshots by policy", Words(("DISABLED", "ENABLED"), "ENABLED"))},
    "aws_dynamodb_table": {
        "point_in_time_recovery.enabled": Protection("point-in-time recovery", _ON),
        "point_in_time_recovery.recovery_period_in_days": Protection("point-in-time recovery", Amount(default=35)),
        "replica.point_in_time_recovery": Protection("point-in-time recovery of a replica", _ON),
        "server_side_encryption.enabled": Protection("encryption with a key of its own", _ON),
    },
    "aws_dynamodb_table_replica": {"point_in_time_recovery": Protection("point-in-time recovery", _ON)},
    "aws_ebs_encryption_by_default": {"enabled": Protection("encryption of new volumes", _ON_BY_DEFAULT)},
    "aws_ebs_snapshot_block_public_access": {
        "state": Protection(
            "the public-access block of snapshots", Words(("unblocked", "block-new-sharing", "block-all-sharing"))
        )
    },
    "aws_ec2_image_block_public_access": {
        "state": Protection("the public-access block of images", Words(("unblocked", "block-new-sharing")))
    },
    "aws_ecr_repository": {
        "image_tag_mutability": Protection("immutable tags", Words(("MUTABLE", "IMMUTABLE"), "MUTABLE"))
    },
    "aws_efs_backup_policy": {"backup_policy.status": Protection("automatic backups", _ENABLED)},
    "aws_efs_file_system": {
        "protection.replication_overwrite": Protection("replication overwrite protection", _ENABLED)
    },
    "aws_eks_cluster": {
        "encryption_config.provider.key_arn": Protection("encryption of Secrets", Given()),
        "vpc_config.endpoint_public_access": Protection("isolation from the internet", Flag(on=False, default=True)),
    },
    "aws_elasticache_cluster": {"final_snapshot_identifier": Protection("the final snapshot", Given())},
    "aws_elasticache_replication_group": {
        "final_snapshot_identifier": Protection("the final snapshot", Given()),
        "transit_encryption_mode": Protection("the demand for TLS", Words(("preferred", "required"))),
    },
    "aws_elasticsearch_domain": _DOMAIN,
    "aws_guardduty_detector": {"enable": Protection("threat detection", _ON_BY_DEFAULT)},
    "aws_instance": {
        "ebs_block_device.delete_on_termination": Protection("a volume that outlives it", Flag(on=False, default=True)),
        "metadata_options.http_tokens": Protection("the demand for IMDSv2", Words(("optional", "required"))),
        "root_block_device.delete_on_termination": Protection(
            "a volume that outlives it", Flag(on=False, default=True)
        ),
    },
    "aws_keyspaces_table": {"point_in_time_recovery.status": Protection("point-in-time recovery", _ENABLED)},
    "aws_kinesis_stream": {
        "encryption_type": Protection("encryption at rest", Words(("NONE", "KMS"))),
        "retention_period": Protection("how long data is kept", Amount(default=24)),
    },
    "aws_kinesis_video_stream": {"data_retention_in_hours": _RETENTION},
    "aws_kms_external_key": {"enabled": _KEY},
    "aws_kms_key": {"is_enabled": _KEY},
    "aws_kms_replica_external_key": {"enabled": _KEY},
    "aws_kms_replica_key": {"enabled": _KEY},
    "aws_memorydb_cluster": {"final_snapshot_name": Protection("the final snapshot", Given())},
    "aws_msk_cluster": {
        "encryption_info.encryption_in_transit.client_broker": Protection(
            "encryption in transit", Words(("PLAINTEXT", "TLS_PLAINTEXT", "TLS"), "TLS")
        ),
        "encryption_info.encryption_in_transit.in_cluster": Protection("encryption between brokers", _ON_BY_DEFAULT),
    },
    "aws_neptunegraph_graph": {"public_connectivity": Protection("isolation from the internet", _OFF)},
    "aws_opensearch_domain": _DOMAIN,
    "aws_organizations_account": {"close_on_deletion": Protection("an account that outlives it", _OFF)},
    "aws_prometheus_workspace_configuration": {"retention_period_in_days": _RETENTION},
    "aws_redshift_cluster": {
        "manual_snapshot_retention_period": Protection("manual snapshots", Amount(default=-1)),
        "snapshot_copy.retention_period": Protection("copied snapshots", Amount(default=7)),
    },
    "aws_route53domains_domain": {"transfer_lock": Protection("the transfer lock", _ON_BY_DEFAULT)},
    "aws_route53domains_registered_domain": {"transfer_lock": Protection("the transfer lock", _ON_BY_DEFAULT)},
    "aws_s3_bucket": {
        "object_lock_enabled": Protection("object lock", _ON),
        "versioning.enabled": Protection("versioning", _ON),
        "versioning.mfa_delete": Protection("MFA delete", _ON),
    },
    "aws_s3_bucket_lifecycle_configuration": {
        "rule.expiration.days": Protection("how long objects are kept", _FOREVER),
        "rule.noncurrent_version_expiration.noncurrent_days": Protection("how long old versions are kept", _FOREVER),
    },
    "aws_s3_bucket_object_lock_configuration": {
        "rule.default_retention.days": Protection("object lock", _DAYS),
        "rule.default_retention.mode": Protection("object lock", Words(("", "GOVERNANCE", "COMPLIANCE"))),
        "rule.default_retention.years": Protection("object lock", _DAYS),
    },
    "aws_s3_bucket_versioning": {
        "versioning_configuration.mfa_delete": Protection("MFA delete", Words(("Disabled", "Enabled"))),
        "versioning_configuration.status": Protection("versioning", Words(("Suspended", "Enabled"))),
    },
    "aws_sqs_queue": {"message_retention_seconds": Protection("how long messages are kept", Amount(default=345600))},
    "aws_timestreamwrite_table": {
        "retention_properties.magnetic_store_retention_period_in_days": _RETENTION,
        "retention_properties.memory_store_retention_period_in_hours": _RETENTION,
    },
}
# Resources that are a protection themselves: destroyed is off, and forgotten is out of sight.
PROTECTING: dict[str, str] = {
    "aws_backup_plan": "backups",
    "aws_backup_selection": "backups of what it selects",
    "aws_backup_vault_lock_configuration": "the lock of a backup vault",
    "aws_backup_vault_policy": "the policy of a backup vault",
    "aws_cloudtrail": "the trail",
    "aws_cloudwatch_log_data_protection_policy": "the masking of sensitive data in logs",
    "aws_config_configuration_recorder": "the configuration recorder",
    "aws_config_configuration_recorder_status": "the configuration recorder",
    "aws_db_instance_automated_backups_replication": "replicated backups",
    "aws_dlm_lifecycle_policy": "snapshots by policy",
    "aws_ebs_encryption_by_default": "encryption of new volumes",
    "aws_ebs_snapshot_block_public_access": "the public-access block of snapshots",
    "aws_ec2_image_block_public_access": "the public-access block of images",
    "aws_efs_backup_policy": "automatic backups",
    "aws_efs_file_system_policy": "the policy of a file system",
    "aws_efs_replication_configuration": "replication",
    "aws_flow_log": "flow logs",
    "aws_glacier_vault_lock": "the lock of a vault",
    "aws_glue_data_catalog_encryption_settings": "encryption of the data catalog",
    "aws_guardduty_detector": "threat detection",
    "aws_kms_key_policy": "the policy of a key",
    "aws_rds_cluster_activity_stream": "the activity stream",
    "aws_redshift_snapshot_copy": "copied snapshots",
    "aws_redshift_snapshot_schedule_association": "scheduled snapshots",
    "aws_route53_hosted_zone_dnssec": "DNSSEC",
    "aws_s3_account_public_access_block": "the account's public-access block",
    "aws_s3_bucket_logging": "access logs",
    "aws_s3_bucket_object_lock_configuration": "object lock",
    "aws_s3_bucket_policy": "the bucket policy",
    "aws_s3_bucket_public_access_block": "the public-access block",
    "aws_s3_bucket_replication_configuration": "replication",
    "aws_s3_bucket_server_side_encryption_configuration": "encryption",
    "aws_s3_bucket_versioning": "versioning",
    "aws_secretsmanager_secret_policy": "the policy of a secret",
    "aws_secretsmanager_secret_rotation": "rotation",
    "aws_shield_protection": "protection against DDoS",
    "aws_sns_topic_data_protection_policy": "the masking of sensitive data in messages",
    "aws_vpc_block_public_access_options": "the public-access block of VPCs",
    "aws_wafv2_web_acl_association": "the web ACL",
}


def protection(type_: str, path: tuple[str, ...]) -> tuple[Protection | None, bool]:
    """What an attribute protects on a type, and whether it does so on that type only."""
    own = BY_TYPE.get(type_, {}).get(".".join(path))
    return (own, True) if own is not None else (BY_NAME.get(path[-1]), False)
