"""Virtual meters of the demonstration: type the token that was sold, and watch the credit rise."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from gridtill.apps.assets.queries.archive import meter_by_number
from gridtill.apps.keystore.operations import practice_key
from gridtill.apps.vending.queries.key_changes import key_data_in
from gridtill.drivers.security.base import MeterSecurity
from gridtill.drivers.security.keyed import context_of
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.sim.keypad import meter as sim
from gridtill.sim.keypad import store
from gridtill.web.session import needs

LOADS = ((0, _("Nothing")), (60, _("A lamp, 60 W")), (2_000, _("A kettle, 2 kW")), (6_000, _("Everything, 6 kW")))
SPANS = ((3_600, _("1 hour")), (86_400, _("1 day")), (7 * 86_400, _("1 week")))
_LONGEST_ABSENCE_S = 366 * 86_400
_USES = ("vend.sell", "tokens.issue", "tokens.approve")


def _path(number: str) -> Path:
    if not (number.isascii() and number.isdecimal() and len(number) in (11, 13)):
        raise Http404
    return Path(settings.PRACTICE_FOLDER) / f"{number}.json"


@needs(*_USES)
def meters(request: Any) -> HttpResponse:
    """List the virtual meters that there are; a number that is typed opens, or makes, one."""
    asked = "".join(request.GET.get("number", "").split())
    if asked:
        if meter_by_number(asked, request.actor.unit_path) is not None:
            return redirect("practice_meter", number=asked)
        messages.error(request, _("There is no meter with this number in the archives."))
    folder = Path(settings.PRACTICE_FOLDER)
    numbers = sorted(path.stem for path in folder.glob("*.json"))[:200] if folder.exists() else []
    known = [number for number in numbers if meter_by_number(number, request.actor.unit_path) is not None]
    return render(request, "practice/meters.html", {"numbers": known, "asked": asked})


@needs(*_USES)
def meter(request: Any, number: str) -> HttpResponse:
    """Show one; it is made with the key that the archive says, the first time that somebody looks at it."""
    path = _opened(request, number)
    if path is None:
        return redirect("practice")
    entry, held = store.change(path, lambda found: _seen(None, _till_now(found)))
    return _page(request, held, entry)


def _opened(request: Any, number: str) -> Path | None:
    path, row = _path(number), meter_by_number(number, request.actor.unit_path)
    if row is None:
        raise Http404
    if path.exists():
        return path
    security = MeterSecurity(**key_data_in(row))
    try:
        key = practice_key(meter=security, actor=request.actor, at=now())
        fresh = sim.new_meter(context_of(security), key, clock_s=int(time.time()), key_expiry=security.key_expiry)
        store.create(path, fresh)
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
        return None
    return path


_Step = Callable[[sim.KeypadMeter], tuple[sim.KeypadMeter, tuple[Any, sim.KeypadMeter]]]


def _seen(entry: Any, held: sim.KeypadMeter) -> tuple[sim.KeypadMeter, tuple[Any, sim.KeypadMeter]]:
    return held, (entry, held)


def _till_now(held: sim.KeypadMeter) -> sim.KeypadMeter:
    return sim.run(held, max(0, min(int(time.time()) - held.clock_s, _LONGEST_ABSENCE_S)))


@sensitive_post_parameters("digits")
@needs(*_USES)
def key_in(request: Any, number: str) -> HttpResponse:
    """Key digits in, as the customer does at home."""
    digits = request.POST.get("digits", "")[:80]

    def step(found: sim.KeypadMeter) -> tuple[sim.KeypadMeter, tuple[Any, sim.KeypadMeter]]:
        held, entry = sim.enter(_till_now(found), digits)
        return _seen(entry, held)

    return _stepped(request, number, step)


@needs(*_USES)
def do(request: Any, number: str) -> HttpResponse:
    """Switch appliances, let time pass, open the cover, take the supply away."""
    act, value = request.POST.get("act", ""), request.POST.get("value", "")
    acts: dict[str, Callable[[sim.KeypadMeter], sim.KeypadMeter]] = {
        "tamper": sim.tampered,
        "supply": lambda held: sim.switched(held, has_supply=value == "on"),
        "load": lambda held: sim.with_load(held, int(value)),
        "run": lambda held: sim.run(held, int(value)),
    }
    known = {"load": [str(watts) for watts, _words in LOADS], "run": [str(seconds) for seconds, _words in SPANS]}
    if request.method == "POST" and (act not in acts or value not in known.get(act, [value])):
        raise Http404
    return _stepped(request, number, lambda found: _seen(None, acts[act](_till_now(found))))


def _stepped(request: Any, number: str, step: _Step) -> HttpResponse:
    path = _opened(request, number) if request.method == "POST" else None
    if path is None:
        return redirect("practice_meter", number=number)
    entry, held = store.change(path, step)
    if not request.htmx:
        return redirect("practice_meter", number=number)
    return _page(request, held, entry)


def _page(request: Any, held: sim.KeypadMeter, entry: Any) -> HttpResponse:
    reason = held.relay_open_because
    context = {
        "number": held.drn,
        "held": held,
        "lines": entry.display if entry else sim.display(held),
        "entry": entry,
        "reason": reason,
        "loads": LOADS,
        "spans": SPANS,
        "ahead_s": max(0, held.clock_s - int(time.time())),
    }
    return render(request, "practice/meter.html#meter" if request.htmx else "practice/meter.html", context)
