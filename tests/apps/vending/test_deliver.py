"""Delivery with issuers that answer, refuse, stay silent or answer for somebody else."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.models import Delivery
from gridtill.apps.vending.operations.deliver import BaseDateChanged, issue_token, recall_delivery, reveal_token
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.states import IllegalTransition, next_state
from gridtill.drivers.security.base import CreditRequest, IssuedToken, IssueRefused, IssueUnknown, RequestConflict
from gridtill.kernel.ids import new_id
from gridtill.sim.module.faults import FaultKind
from tests.factories.modules import SHORT, issuer_for, served
from tests.factories.scene import MORNING, VENDING_KEY, make_scene, make_supply

pytestmark = pytest.mark.django_db


class FarIssuer:
    """An issuer behind a line: it makes what the software one makes, and remembers what it was asked."""

    repeatable = False

    def __init__(self, *, line: str = "up") -> None:
        self.line = line
        self.made: dict[uuid.UUID, IssuedToken] = {}
        self.asked = 0

    def issue_credit(self, request: CreditRequest) -> IssuedToken:
        self.asked += 1
        if self.line == "refusing":
            raise IssueRefused("The supply group is not authorized.")
        if self.line == "dead":
            raise IssueUnknown(request.request_id, "no answer within 5 s")
        self.made[request.request_id] = token_issuer().issue_credit(request)
        if self.line == "answer lost":
            raise IssueUnknown(request.request_id, "the line broke")
        return self.made[request.request_id]

    def fetch_result(self, request_id: uuid.UUID) -> IssuedToken | None:
        if self.line == "dead":
            raise IssueUnknown(request_id, "no answer within 5 s")
        return self.made.get(request_id)


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def vend_id(scene):
    agreement = make_supply(scene)
    order = SaleOrder(agreement.pk, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))
    return sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)


def issue(scene, vend_id, issuer=None):
    return issue_token(vend_id=vend_id, actor=scene.asha, at=MORNING, issuer=issuer)


def test_token_is_kept_with_its_check_value_and_one_line_of_the_log(scene, vend_id):
    issued = issue(scene, vend_id)
    kept = Delivery.objects.get()

    assert (kept.state, kept.token, kept.check_value) == ("ISSUED", issued.token, issued.check_value)
    assert len(kept.token) == 20
    record = AuditRecord.objects.get(action="vending.delivery.issue")
    assert record.before == {"state": "PENDING"}
    assert record.after == {"state": "ISSUED", "key": issued.check_value}
    assert kept.token not in str(record.after)


def test_asking_again_gives_the_same_digits(scene, vend_id):
    first = issue(scene, vend_id).token
    Delivery.objects.update(state="PENDING", token="", check_value="")

    assert issue(scene, vend_id).token == first


def test_far_issuer_is_noted_before_it_is_asked(scene, vend_id):
    issuer = FarIssuer()
    delivery = issue(scene, vend_id, issuer)

    assert (delivery.state, issuer.asked) == ("ISSUED", 1)
    assert issue(scene, vend_id, issuer).token == delivery.token
    assert issuer.asked == 1


def test_silence_is_unknown_and_is_looked_up_not_asked_for_anew(scene, vend_id):
    issuer = FarIssuer(line="answer lost")
    assert issue(scene, vend_id, issuer).state == "UNKNOWN"
    issuer.line = "dead"
    assert issue(scene, vend_id, issuer).state == "UNKNOWN"
    issuer.line = "up"
    delivery = issue(scene, vend_id, issuer)

    assert (delivery.state, issuer.asked) == ("ISSUED", 1)
    assert delivery.token == issuer.made[delivery.pk].digits


@pytest.mark.parametrize("fault", [FaultKind.LOST, FaultKind.CUT_AFTER, FaultKind.GARBLED])
def test_answer_that_a_module_lost_is_looked_up_with_the_digits_made_first(scene, vend_id, tmp_path, fault):
    keys, state = {("201457", 1, 2, 2014): VENDING_KEY}, tmp_path / "module"
    with served(keys, state=state) as module, issuer_for(module, waits=SHORT) as issuer:
        module.faults.befall(fault)
        unknown = issue(scene, vend_id, issuer)
        assert (unknown.state, unknown.token) == ("UNKNOWN", "")
        first = module.module.do("fetch_result", {"request_id": str(unknown.pk)}, lambda: True)["digits"]
        address = module.address
    with issuer_for(address) as issuer:
        # The module is away: nobody knows yet.
        assert issue(scene, vend_id, issuer).state == "UNKNOWN"
        with served(keys, state=state, address=address) as module:
            delivery = issue(scene, vend_id, issuer)
            assert (delivery.state, delivery.token, module.module.made) == ("ISSUED", first, 1)


def test_module_that_is_away_refuses_and_is_asked_again_later(scene, vend_id):
    with served({("201457", 1, 2, 2014): VENDING_KEY}) as module, issuer_for(module) as issuer:
        address = module.address
        module.stop()
        failed = issue(scene, vend_id, issuer)
        assert (failed.state, "module_unreachable" in failed.detail) == ("FAILED", True)
        with served({("201457", 1, 2, 2014): VENDING_KEY}, address=address) as anew:
            assert (issue(scene, vend_id, issuer).state, anew.module.made) == ("ISSUED", 1)


def test_crash_after_the_note_is_settled_by_what_the_issuer_remembers(scene, vend_id):
    issuer = FarIssuer()
    Delivery.objects.update(state="DISPATCHED", changed_at=MORNING - timedelta(minutes=2))
    dead = FarIssuer(line="dead")

    assert issue(scene, vend_id, dead).state == "UNKNOWN"
    assert (issue(scene, vend_id, issuer).state, issuer.asked) == ("ISSUED", 1)


def test_refusal_is_final_until_somebody_asks_again(scene, vend_id):
    issuer = FarIssuer(line="refusing")
    failed = issue(scene, vend_id, issuer)
    assert (failed.state, "not authorized" in failed.detail) == ("FAILED", True)
    issuer.line = "up"

    assert issue(scene, vend_id, issuer).state == "ISSUED"


@pytest.mark.parametrize("state", ["UNKNOWN", "DISPATCHED"])
def test_refusal_of_what_the_issuer_does_not_remember_ends_it(scene, vend_id, state):
    Delivery.objects.update(state=state, changed_at=MORNING - timedelta(minutes=2))

    assert issue(scene, vend_id, FarIssuer(line="refusing")).state == "FAILED"


def test_somebody_else_who_asks_right_now_is_waited_for(scene, vend_id):
    """Looking up before the answer can be there finds nothing, and asking then may make a second token."""
    issuer = FarIssuer()
    Delivery.objects.update(state="DISPATCHED", changed_at=MORNING)

    assert (issue(scene, vend_id, issuer).state, issuer.asked) == ("DISPATCHED", 0)


def test_an_issuer_that_knows_the_request_otherwise_leaves_it_unknown(scene, vend_id):
    class Conflicting(FarIssuer):
        def issue_credit(self, request):
            self.asked += request.units > 0
            raise RequestConflict("This request was answered before with other content.")

    assert issue(scene, vend_id, Conflicting()).state == "UNKNOWN"
    assert issue(scene, vend_id, Conflicting()).state == "UNKNOWN"


def test_a_failed_one_takes_the_meter_as_it_was_corrected(scene, vend_id):
    Meter.objects.update(supply_group_code="999999")
    assert issue(scene, vend_id).state == "FAILED"
    Meter.objects.update(supply_group_code="201457")

    delivery = issue(scene, vend_id)

    assert (delivery.state, delivery.meter_security["supply_group_code"]) == ("ISSUED", "201457")
    assert AuditRecord.objects.filter(action="vending.delivery.meter_corrected").count() == 2


def test_missing_key_is_a_refusal_that_names_it(scene, vend_id):
    Meter.objects.update(supply_group_code="999999")
    failed = issue(scene, vend_id)

    assert (failed.state, failed.token) == ("FAILED", "")
    assert "999999" in failed.detail


def test_answer_for_another_purchase_is_not_used(scene, vend_id):
    class Confused(FarIssuer):
        def issue_credit(self, request):
            made = token_issuer().issue_credit(request)
            return IssuedToken(made.digits, made.units + 1, made.energy_wh, made.token_identifier, "")

    assert issue(scene, vend_id, Confused()).state == "UNKNOWN"
    assert Delivery.objects.get().token == ""


def test_recalled_token_is_not_shown_any_more(scene, vend_id):
    recall_delivery(delivery=issue(scene, vend_id), actor=scene.bram, at=MORNING)

    assert reveal_token(delivery=Delivery.objects.get(), at=MORNING) == ""
    assert Delivery.objects.get().revealed_at is None


def test_token_that_was_shown_says_since_when(scene, vend_id):
    issue(scene, vend_id)
    token = reveal_token(delivery=Delivery.objects.get(), at=MORNING)

    again = reveal_token(delivery=Delivery.objects.get(), at=MORNING)
    assert (again, Delivery.objects.get().revealed_at) == (token, MORNING)


def test_states_refuse_what_cannot_happen():
    with pytest.raises(IllegalTransition, match="LOADED cannot take RECALL"):
        next_state("LOADED", "RECALL")


def test_a_token_is_made_with_the_key_that_the_meter_has_now(scene, vend_id):
    """Paid, then the meter's key was changed, and only then was the token asked for."""
    Meter.objects.update(tariff_index="02")

    assert issue(scene, vend_id).meter_security["tariff_index"] == "02"


def test_a_meter_that_counts_otherwise_is_sold_to_anew(scene, vend_id):
    Meter.objects.update(base_date=2035)

    with pytest.raises(BaseDateChanged):
        issue(scene, vend_id)
    assert Delivery.objects.get().state == "PENDING"
