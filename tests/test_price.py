"""The price book: what it takes, and what it says of what is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.price import Book, exact, money

HEAD = "version: 1\nregion: eu-west-1\ncurrency: EUR\ndate: 2026-01-31\nsource: our contract\n"
ENTRY = """\
prices:
  - item: Database
    type: aws_db_instance
    price: 23
"""


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Book.parse(text, path=Path("prices.yaml"))
    return caught.value


def test_the_repositorys_own_book_has_the_documented_figures() -> None:
    book = Book.load(Path(__file__).parents[1] / "prices.yaml")

    assert {entry.item: entry.price for entry in book.prices} == {"NAT Gateway": 32, "RDS": 23, "Redis": 20}
    assert (book.region, book.currency) == ("ap-northeast-2", "USD")
    assert {entry.item for entry in book.prices if entry.aws is None} == set()
    assert not {"aws_kms_key", "aws_s3_bucket", "aws_ecr_repository", "aws_eip", "aws_eks_cluster"} & set(book.free)


def test_a_book_may_have_no_prices_at_all() -> None:
    book = Book.parse(HEAD, path=Path("prices.yaml"))

    assert (book.date, book.prices, book.free) == (date(2026, 1, 31), (), ())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "prices.yaml:1: the file must be a mapping", "the smallest is: {version: 1, region: eu-west-1, "),
        (HEAD.replace("region", "regoin"), "prices.yaml:2: regoin: unknown key", "did you mean region?"),
        (HEAD.replace("version: 1", "version: 2"), "prices.yaml:1: version: this wealist reads version 1, not 2", ""),
        (HEAD.replace("EUR", "Euro"), "prices.yaml:3: currency: 'Euro' is no currency", "three letters, as in USD"),
        (HEAD.replace("2026-01-31", "yesterday"), "prices.yaml:4: date: invalid RFC3339 encoded date", ""),
        (HEAD + ENTRY.replace("type:", "tpye:"), "prices.yaml:8: prices.0.tpye: unknown key", "did you mean type?"),
        (HEAD + ENTRY.replace("    price: 23\n", ""), "prices.yaml:7: prices.0.price: is required", ""),
        (HEAD + ENTRY.replace("23", "-1"), "prices.yaml:9: prices.0.price: must be 0 or more", ""),
        (HEAD + ENTRY.replace("23", ".nan"), "prices.yaml:9: prices.0.price: must be 0 or more", ""),
        (HEAD + ENTRY + "    when: engine ==\n", "prices.yaml:10: prices.0.when: 'engine ==' is no JMESPath: ", ""),
        (
            HEAD + ENTRY + "    aws:\n      service: AmazonRDS\n      filters:\n        engine: Postgre SQL\n",
            "prices.yaml:13: prices.0.aws.filters.engine: 'Postgre SQL' is no JMESPath: ",
            "text stands in quotes of its own: \"'t4g'\"",
        ),
        (
            HEAD + ENTRY + "    aws: { service: AmazonRDS, filters: {}, hours: 0 }\n",
            "prices.yaml:10: prices.0.aws.hours: must be above 0",
            "",
        ),
        (
            HEAD + ENTRY + "    tradeoffs:\n      1: none\n",
            "prices.yaml:11: prices.0.tradeoffs.1: this key is not text",
            "put the key in quotes",
        ),
        (
            HEAD + ENTRY + "free: [aws_db_instance]\n",
            "prices.yaml:8: prices.0.type: aws_db_instance is under free as well",
            "keep one of them",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str, hint: str) -> None:
    error = refusal(text)

    assert error.message.startswith(message)
    assert (error.hint or "").startswith(hint)
    assert error.exit_code == 64


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (32.4, "USD", "$32"),
        (0, "USD", "$0"),
        (0.4, "EUR", "€0.40"),
        (9.999, "USD", "$10"),
        (3, "USD", "$3"),
        (12345.6, "KRW", "₩12,346"),
        (23, "CHF", "23 CHF"),
    ],
)
def test_amounts_for_people_are_round(amount: float, currency: str, shown: str) -> None:
    assert money(amount, currency) == shown


def test_a_change_has_its_sign() -> None:
    assert [money(amount, "USD", is_change=True) for amount in (23, -20, 0, -0.001)] == ["+$23", "-$20", "+$0", "+$0"]


def test_an_amount_that_something_depends_on_is_not_rounded() -> None:
    assert [money(amount, "USD", is_exact=True) for amount in (22.5, 1234, 49.994)] == ["$22.50", "$1,234", "$49.99"]


def test_amounts_for_programs_are_exact() -> None:
    assert [exact(amount) for amount in (0.1 + 0.2, 75.0, -0.5)] == [0.3, 75, -0.5]
    assert isinstance(exact(75.0), int)
