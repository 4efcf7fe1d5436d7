import tomllib
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import resources

import pytest
from tests.drivers.security.conformance import *  # noqa: F403
from tests.drivers.security.conformance import METER, REQUEST, REQUEST_ID

from gridtill.drivers.security import keyed
from gridtill.drivers.security.base import IssueUnknown, KeyDescription
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.sts.errors import WrongCrc
from gridtill.sts.keys import check_value
from gridtill.sts.sta import StaTables

pytestmark = pytest.mark.unit
SECRET = b"a secret of 20 bytes"
DES_SECRET = bytes.fromhex("0123456789abcdef")
SLOT = ("201457", 1, 2, 2014)


@pytest.fixture
def issuer():
    return SoftwareIssuer({SLOT: SECRET})


def test_vending_key_is_in_no_representation(issuer):
    shown = repr(issuer) + repr(issuer.status()) + repr(issuer.issue_credit(REQUEST))

    assert "secret" not in shown
    assert SECRET.hex() not in shown


def test_digits_follow_from_the_request_in_another_process(issuer):
    elsewhere = SoftwareIssuer({SLOT: SECRET, ("000001", 1, 2, 2014): bytes(20)})

    assert elsewhere.issue_credit(REQUEST).digits == issuer.issue_credit(REQUEST).digits


def test_status_tells_every_key_it_holds():
    keys = SoftwareIssuer({SLOT: SECRET, ("000001", 3, 2, 1993): DES_SECRET}).status().keys

    assert keys == (
        KeyDescription("000001", 3, 2, 1993, check_value(DES_SECRET)),
        KeyDescription(*SLOT, check_value(SECRET)),
    )


def test_issuer_without_keys_is_not_ready():
    issuer = SoftwareIssuer({})

    assert not issuer.status().ready
    assert repr(issuer) == "<SoftwareIssuer with 0 vending keys>"


def test_vending_key_of_another_length_is_not_taken():
    with pytest.raises(ValueError, match="8 bytes"):
        SoftwareIssuer({SLOT: bytes(16)})


@pytest.mark.parametrize(("dkga", "key"), [("02", DES_SECRET), ("04", SECRET)])
def test_sta_meter_is_served_with_given_tables(dkga, key):
    meter = replace(METER, encryption_algorithm="07", dkga=dkga)
    tables = StaTables(tuple(range(15, -1, -1)), tuple(range(16)), tuple(range(63, -1, -1)))
    special = SoftwareIssuer({SLOT: key}, sta_tables=tables)

    digits = special.issue_credit(replace(REQUEST, meter=meter)).digits

    assert special.verify(meter, digits).units == REQUEST.units
    with pytest.raises(WrongCrc):
        SoftwareIssuer({SLOT: key}).verify(meter, digits)


def test_oldest_results_are_forgotten_and_made_again_alike(issuer, monkeypatch):
    monkeypatch.setattr(keyed, "RESULTS_KEPT", 2)
    issued = issuer.issue_credit(REQUEST)

    for number in (10, 11):
        issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=number)))

    assert issuer.fetch_result(REQUEST_ID) is None
    assert issuer.issue_credit(REQUEST) == issued


def test_many_counters_at_once_get_one_answer(issuer):
    with ThreadPoolExecutor(8) as counters:
        answers = set(counters.map(lambda _: issuer.issue_credit(REQUEST), range(200)))

    assert len(answers) == 1


def test_unknown_outcome_carries_its_request():
    unknown = IssueUnknown(REQUEST_ID, "The module did not answer within 5 s.")

    assert (unknown.request_id, str(unknown)) == (REQUEST_ID, "The module did not answer within 5 s.")


def test_manifest_names_the_class():
    text = resources.files("gridtill.drivers.security.software").joinpath("manifest.toml").read_text("utf-8")
    manifest = tomllib.loads(text)

    assert manifest["factory"] == f"{SoftwareIssuer.__module__}:{SoftwareIssuer.__qualname__}"
    assert manifest["identifier"] == SoftwareIssuer({}).status().issuer
