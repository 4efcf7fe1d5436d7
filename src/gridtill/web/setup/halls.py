"""Business halls and the tills in them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from gridtill.apps.staff.queries import units_within
from gridtill.apps.vending.operations.tills import (
    Naming,
    add_point_of_sale,
    add_till,
    modify_point_of_sale,
    modify_till,
)
from gridtill.apps.vending.queries.tills import halls_within, tills_within
from gridtill.kernel.clock import now
from gridtill.web.form_pages import form_page, unit_choices
from gridtill.web.session import needs
from gridtill.web.setup.forms import HallForm, NewHallForm, NewTillForm, TillForm


@needs("settings.edit")
def halls(request: Any) -> HttpResponse:
    return render(request, "setup/halls.html", {"halls": halls_within(request.actor.unit_path)})


@needs("settings.edit")
def add_hall(request: Any) -> HttpResponse:
    # A hall belongs to a bureau or to what lies below one; its day is closed with that bureau's.
    units = [unit for unit in units_within(request.actor.unit_path) if unit.kind != "UTILITY"]
    form = NewHallForm(request.POST or None, units=unit_choices(units))

    def act() -> None:
        data = form.cleaned_data
        add_point_of_sale(
            naming=Naming(data["code"].strip(), data["name"].strip()),
            unit_id=data["unit"],
            address=data["address"],
            actor=request.actor,
            at=now(),
        )

    done = _("The hall is added. Put its tills in next.")
    return form_page(request, form, act, done, title=_("Add a hall"), back=reverse("halls"))


def _hall(request: Any, hall_id: int) -> Any:
    return get_object_or_404(halls_within(request.actor.unit_path), pk=hall_id)


@needs("settings.edit")
def modify_hall(request: Any, hall_id: int) -> HttpResponse:
    hall = _hall(request, hall_id)
    form = HallForm(
        request.POST or None, initial={"name": hall.name, "address": hall.address, "is_active": hall.is_active}
    )

    def act() -> None:
        modify_point_of_sale(hall_id=hall.pk, actor=request.actor, at=now(), **form.cleaned_data)

    return form_page(
        request, form, act, _("Saved."), title=_("Modify"), back=reverse("halls"), subtitle=f"{hall.code} {hall.name}"
    )


@needs("settings.edit")
def add_till_page(request: Any, hall_id: int) -> HttpResponse:
    hall = _hall(request, hall_id)
    form = NewTillForm(request.POST or None)

    def act() -> None:
        naming = Naming(form.cleaned_data["code"].strip(), form.cleaned_data["name"].strip())
        add_till(naming=naming, point_of_sale_id=hall.pk, actor=request.actor, at=now())

    done = _("The till is added. A cashier can open it now.")
    return form_page(request, form, act, done, title=_("Add a till"), back=reverse("halls"), subtitle=hall.name)


@needs("settings.edit")
def modify_till_page(request: Any, till_id: int) -> HttpResponse:
    till = get_object_or_404(tills_within(request.actor.unit_path), pk=till_id)
    form = TillForm(request.POST or None, initial={"name": till.name, "is_active": till.is_active})

    def act() -> None:
        modify_till(till_id=till.pk, actor=request.actor, at=now(), **form.cleaned_data)

    return form_page(
        request, form, act, _("Saved."), title=_("Modify"), back=reverse("halls"), subtitle=f"{till.code} {till.name}"
    )
