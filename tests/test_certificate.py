from __future__ import annotations

import pytest

from orchestrator.certificate import RDS_BUNDLE, unverified
from orchestrator.diagnosis import POSTGRESQL, REDIS, Endpoint

DB = Endpoint(kind=POSTGRESQL, host="db.test", port=5432)
CACHE = Endpoint(kind=REDIS, host="cache.test", port=6379)


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        (7, "is not trusted"),
        (18, "is not trusted"),
        (19, "is not trusted"),
        (20, "is not trusted"),
        (10, "is not valid now"),
        (9, "is not valid now"),
        (62, "is for another name"),
        (64, "is for another name"),
        (26, "does not verify"),
    ],
)
def test_openssls_number_says_what_is_wrong(number: int, seen: str) -> None:
    hop = unverified("tls", DB, number, "its words", has_ca_file=False)

    assert hop.is_broken
    assert hop.seen == f"the certificate of db.test:5432 {seen}: its words"
    assert hop.expected == "a certificate for db.test that verifies"


@pytest.mark.parametrize("has_ca_file", [False, True])
def test_what_rds_signs_is_trusted_by_awss_bundle(has_ca_file: bool) -> None:
    hop = unverified("tls", DB, 20, "", has_ca_file=has_ca_file)

    assert RDS_BUNDLE in str(hop.remedy)
    assert ("not the file that was given" in str(hop.remedy)) is has_ca_file
    assert hop.command == f"curl -fsSO {RDS_BUNDLE}"


@pytest.mark.parametrize(("has_ca_file", "remedy"), [(False, "ca-certificates"), (True, "leave --ca-file out")])
def test_what_elasticache_signs_is_trusted_by_the_system(has_ca_file: bool, remedy: str) -> None:
    assert remedy in str(unverified("tls", CACHE, 20, "", has_ca_file=has_ca_file).remedy)
