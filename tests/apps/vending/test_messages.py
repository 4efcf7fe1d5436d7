"""A token sent again goes to the customer's own address, once, and every end of it is told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.customers.models import Customer
from gridtill.apps.vending.models import Delivery, TokenMessage
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.documents import RequestReused
from gridtill.apps.vending.operations.messages import MOST_MESSAGES, NothingToSend, send_token
from gridtill.drivers.messaging.base import MessageOutcome, MessageRefused
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.sales import sell, take_back
from tests.factories.scene import MORNING, make_scene, make_supply

pytestmark = pytest.mark.django_db


class Pigeon:
    """A carrier that keeps what it was given, and ends as it was told to."""

    def __init__(self, end=MessageOutcome.SENT):
        self.end, self.carried = end, []

    def send(self, message):
        if isinstance(self.end, Exception):
            raise self.end
        self.carried.append(message)
        return self.end


@pytest.fixture
def scene():
    return make_scene(at=now())


@pytest.fixture
def vend(scene):
    return sell(scene, make_supply(scene).pk)


@pytest.fixture
def token(scene, vend):
    return issue_token(vend_id=vend.pk, actor=scene.asha, at=now()).token


def send(scene, vend, pigeon, *, request_id=None, way="SMS", actor=None):
    return send_token(
        request_id=request_id or new_id(),
        vend_id=vend.pk,
        way=way,
        messenger=pigeon,
        words=lambda found, digits: ("subject", f"{found.vend.number} {digits}"),
        actor=actor or scene.asha,
        at=MORNING,
    )


def test_it_goes_to_the_telephone_of_the_archive(scene, vend, token):
    pigeon = Pigeon()
    row = send(scene, vend, pigeon)

    assert (row.state, row.recipient) == ("SENT", "+254700000001")
    assert [message.text for message in pigeon.carried] == [f"{vend.number} {token}"]
    assert Delivery.objects.get().revealed_at is not None
    assert token not in str(list(AuditRecord.objects.values_list("after", flat=True)))


def test_pressing_twice_sends_once(scene, vend, token):
    pigeon, request_id = Pigeon(), new_id()
    for _press in range(2):
        assert send(scene, vend, pigeon, request_id=request_id).state == "SENT"

    assert len(pigeon.carried) == 1
    with pytest.raises(RequestReused):
        send(scene, vend, pigeon, request_id=request_id, way="MAIL")


@pytest.mark.parametrize(
    ("end", "state"), [(MessageOutcome.UNKNOWN, "UNKNOWN"), (MessageRefused("The gateway refused it."), "FAILED")]
)
def test_other_ends_are_told_apart(scene, vend, token, end, state):
    assert send(scene, vend, Pigeon(end)).state == state
    assert TokenMessage.objects.get().state == state


def test_one_that_was_begun_and_never_ended_is_unknown_and_not_sent_again(scene, vend, token):
    request_id = new_id()
    send(scene, vend, Pigeon(), request_id=request_id)
    TokenMessage.objects.update(state="SENDING")
    pigeon = Pigeon()

    assert send(scene, vend, pigeon, request_id=request_id).state == "UNKNOWN"
    assert pigeon.carried == []


def test_no_token_no_message(scene, vend):
    with pytest.raises(NothingToSend):
        send(scene, vend, Pigeon())


def test_what_was_taken_back_is_not_sent(scene, vend):
    take_back(scene, vend)

    with pytest.raises(NothingToSend):
        send(scene, vend, Pigeon())


def test_no_address_no_message(scene, vend, token):
    Customer.objects.update(phone="", phone_second="")

    for way in ("SMS", "MAIL"):
        with pytest.raises(NothingToSend, match="no address"):
            send(scene, vend, Pigeon(), way=way)
    assert TokenMessage.objects.count() == 0


def test_mail_goes_to_the_mailbox(scene, vend, token):
    Customer.objects.update(email="ann@example.org")

    assert send(scene, vend, Pigeon(), way="MAIL").recipient == "ann@example.org"


def test_nobody_sends_for_ever(scene, vend, token):
    for _time in range(MOST_MESSAGES):
        send(scene, vend, Pigeon())

    with pytest.raises(NothingToSend, match="times already"):
        send(scene, vend, Pigeon())


def test_who_may_neither_sell_nor_print_does_not_send(scene, vend, token):
    with pytest.raises(NotAllowed):
        send(scene, vend, Pigeon(), actor=replace(scene.asha, permissions=frozenset({"vend.view"})))
