"""What moto lacks of the AWS that the estates need, one module (or package) a service.

moto's own classes are extended in place: a function named after the call it adds or mends is set on
moto's response class, backend or model, so that routing, parameter parsing, XML and errors stay moto's.
Each function says in its docstring what moto lacks and what AWS does. Everything here was seen with moto
5.2.5; `tests/sandbox` holds a test for each, which is the place to look when moto
is upgraded and a part of this can go.
"""

from __future__ import annotations

import importlib

# "core" is every service's; the others are moto's names of services.
EXTENDED = ("core", "ec2", "eks", "elasticache", "kms", "rds", "s3", "secretsmanager")


def install(*services: str) -> None:
    """Extend these services, or all of them when none is named. Doing it twice changes nothing.

    A server installs a service's extensions as the service is first called, since importing all of
    moto takes seconds. A service without extensions is left as it is.
    """
    for service in services or EXTENDED:
        if service in EXTENDED:
            importlib.import_module(f"{__name__}.{service}").install()
