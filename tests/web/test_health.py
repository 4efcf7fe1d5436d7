import pytest
from django.test import Client

pytestmark = [pytest.mark.web, pytest.mark.django_db]


def test_health_asks_nothing_and_readiness_asks_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Client().get("/healthz").status_code == 200

    assert Client().get("/readyz").status_code == 200


def test_page_that_does_not_exist_says_what_to_do(scene, enter):
    answer = enter(scene.bram).get("/nowhere/")

    assert answer.status_code == 404
    assert "href=" in answer.content.decode()
