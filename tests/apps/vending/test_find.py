"""What a customer brings to the counter leads to them, whichever number it is."""

from __future__ import annotations

import pytest
from django.db import connection

from gridtill.apps.vending.queries.find import find_customers
from tests.factories.scene import make_scene, make_supply, meter_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return make_scene()


def found(scene, text):
    return [customer.number for customer in find_customers(text, unit_path=scene.utility.path)]


@pytest.mark.parametrize("brought", ["C000001", "c000001", "+254700000001", "0733 1", "OLD-77", meter_number(1)])
def test_each_number_leads_to_its_customer(scene, brought):
    make_supply(scene, 2)
    customer = make_supply(scene, 1).usage_point.customer
    customer.phone_second, customer.legacy_number = "0733 1", "OLD-77"
    customer.save()

    assert found(scene, brought) == ["C000001"]


def test_name_is_found_from_the_beginning_of_any_of_its_words(scene):
    for serial, name in ((1, "Grace Wanjiru"), (2, "Wanja Otieno"), (3, "Ekwan Rotich")):
        customer = make_supply(scene, serial).usage_point.customer
        customer.name = name
        customer.save()

    assert found(scene, "wan") == ["C000001", "C000002"]
    assert found(scene, "grace wan") == ["C000001"]
    assert found(scene, "W") == []


def test_customers_of_another_unit_are_not_found(scene):
    make_supply(scene, 1)

    assert find_customers("C000001", unit_path=f"{scene.utility.path}999999/") == []


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_names_have_an_index_that_serves_a_word_inside(scene):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM customers_customer WHERE UPPER(name::text) LIKE '% WAN%'")
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "customers_customer_name_words" in plan
