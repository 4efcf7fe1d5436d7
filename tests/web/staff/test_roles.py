from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Operator, Role
from gridtill.web.staff import roles

pytestmark = [pytest.mark.web, pytest.mark.django_db]


def rights(code):
    return set(Role.objects.get(code=code).permissions.values_list("permission", flat=True))


def sheet(**changed):
    """What the page sends: every role's version and every ticked box; ``changed`` names roles with new rights."""
    form = {"tick": []}
    for role in Role.objects.filter(is_administrator=False):
        form[f"version-{role.pk}"] = role.version
        form["tick"] += [f"{role.pk}:{right}" for right in changed.get(role.code, rights(role.code))]
    return form


def test_matrix_shows_every_right_and_every_role(office):
    answer = office.get("/roles/")

    shown = [right for _label, rows in answer.context["groups"] for right, _cells in rows]
    assert set(shown) == set(Permission)
    assert len(shown) == len(set(shown))
    assert answer.content.decode().count('name="tick"') == len(shown) * Role.objects.count()


def test_right_of_no_known_heading_is_still_in_the_matrix(office, monkeypatch):
    monkeypatch.setattr(roles, "_GROUPS", roles._GROUPS[:1])

    shown = [right for _label, rows in office.get("/roles/").context["groups"] for right, _cells in rows]

    assert set(shown) == set(Permission)


def test_number_of_roles_costs_no_queries(office):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            office.get("/roles/")
        return len(queries)

    asked()
    first = asked()
    Role.objects.bulk_create(Role(code=f"extra{number}", name=f"Extra {number}") for number in range(3))

    assert asked() == first


def test_ticks_are_saved_and_the_rest_stays(office):
    had = rights("engineer")

    answer = office.post("/roles/", sheet(cashier={"vend.sell", "tariff.view"}))

    assert answer["Location"] == "/roles/"
    assert rights("cashier") == {"vend.sell", "tariff.view"}
    assert rights("engineer") == had
    assert "1 role saved." in office.get("/roles/").content.decode()


def test_saving_without_a_change_says_so(office):
    office.post("/roles/", sheet())

    assert "Nothing was different." in office.get("/roles/").content.decode()


def test_role_that_was_not_on_the_page_keeps_its_rights(office):
    form = sheet()
    role = Role.objects.get(code="cashier")
    del form[f"version-{role.pk}"]
    form["tick"] = [tick for tick in form["tick"] if not tick.startswith(f"{role.pk}:")]

    office.post("/roles/", form)

    assert "vend.sell" in rights("cashier")


def test_stale_page_is_refused_and_keeps_what_was_ticked(office):
    form = sheet(cashier={"tariff.view"})
    Role.objects.filter(code="cashier").update(version=5)

    answer = office.post("/roles/", form)

    cells = [cell for _label, rows in answer.context["groups"] for _right, cells in rows for cell in cells]
    assert answer.status_code == 409
    assert {cell["value"].partition(":")[2] for cell in cells if cell["on"] and cell["role"].code == "cashier"} == {
        "tariff.view"
    }
    assert "vend.sell" in rights("cashier")


def test_made_up_right_is_refused(office):
    form = sheet()
    form["tick"].append(f"{Role.objects.get(code='cashier').pk}:moon.walk")

    answer = office.post("/roles/", form)

    assert answer.status_code == 422
    assert "There is no right moon.walk." in answer.content.decode()


def test_nobody_raises_themselves(chief, enter):
    client = enter(replace(chief, permissions=frozenset({"role.edit"})))
    own = Operator.objects.get(pk=chief.id).role.code

    answer = client.post("/roles/", sheet(**{own: {"role.edit", "keys.edit"}}))

    assert answer.status_code == 422
    assert rights(own) == {"role.edit"}


def test_bureau_sees_the_matrix_but_does_not_change_it(bureau):
    page = bureau.get("/roles/")
    answer = bureau.post("/roles/", sheet(cashier=set()))

    assert "Roles hold for the whole utility." in page.content.decode()
    assert answer.status_code == 422
    assert "vend.sell" in rights("cashier")


@pytest.mark.parametrize("url", ["/roles/", "/roles/add/", "/roles/1/", "/roles/1/delete/"])
def test_roles_need_the_right(scene, enter, url):
    assert enter(scene.asha).get(url).status_code == 403


def test_role_is_added_renamed_and_deleted(office):
    copied = Role.objects.get(code="cashier").pk
    office.post("/roles/add/", {"code": "agent", "name": "Agent", "copied_from": copied, "version": 0})
    role = Role.objects.get(code="agent")
    assert rights("agent") == rights("cashier")

    office.post(f"/roles/{role.pk}/", {"name": "Vendor", "second_factor_required": "on", "version": 0})
    role.refresh_from_db()
    assert (role.name, role.second_factor_required) == ("Vendor", True)
    assert 'value="Vendor"' in office.get(f"/roles/{role.pk}/").content.decode()

    office.get(f"/roles/{role.pk}/delete/")
    assert Role.objects.filter(code="agent").exists()
    office.post(f"/roles/{role.pk}/delete/")
    assert not Role.objects.filter(code="agent").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [({"code": "Cash ier"}, "Small letters, digits"), ({"name": "Cashier"}, "Another role has this name.")],
)
def test_wrong_role_is_refused_on_the_form(office, values, words):
    answer = office.post("/roles/add/", {"code": "agent", "name": "Agent", "version": 0} | values)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Role.objects.filter(code="agent").exists()


def test_stale_name_is_a_conflict(office):
    role = Role.objects.get(code="cashier")
    Role.objects.filter(pk=role.pk).update(version=3)

    answer = office.post(f"/roles/{role.pk}/", {"name": "Teller", "version": 0})

    assert answer.status_code == 409
    assert Role.objects.get(pk=role.pk).name == "Cashier"


def test_role_of_somebody_is_not_deleted(office, chief):
    role = Role.objects.get(code="scene")

    answer = office.post(f"/roles/{role.pk}/delete/")

    assert answer.status_code == 422
    assert "have the role Scene. Nothing was changed." in answer.content.decode()
    assert Role.objects.filter(pk=role.pk).exists()
