"""Two look-ups that moto repeats on every request, remembered.

Together they are 40 % of moto's own time in a small call such as DescribeVpcs: the list of services is
read from the disk again, and the response class is inspected for its methods again. Neither changes
while the process runs, since extensions are installed before their service is first called.
"""

from __future__ import annotations

from functools import cache

from moto import backends
from moto.core import responses, utils

from orchestrator.sandbox.extensions.patch import extend

_list_of_moto_modules = backends.list_of_moto_modules


@cache
def list_of_moto_modules() -> tuple[str, ...]:
    """The names of moto's services; moto lists its folder for each request."""
    return tuple(_list_of_moto_modules())


@cache
def method_names_from_class(clazz: type) -> frozenset[str]:
    """The calls that a response class answers; moto inspects the class for each request."""
    return frozenset(utils.method_names_from_class(clazz))


def install() -> None:
    extend(backends, list_of_moto_modules)
    extend(responses, method_names_from_class)
