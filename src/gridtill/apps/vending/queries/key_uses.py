"""How often each vending key was used, counted from the tokens themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count

from gridtill.apps.vending.models import Delivery, EngineeringToken

DAYS = 7


@dataclass(frozen=True, slots=True)
class KeyUses:
    """Tokens that were made with a key today, and in the last seven days with today."""

    today: int
    week: int


def key_uses(today: date, zone: ZoneInfo) -> dict[str, KeyUses]:
    """
    Return the uses of vending keys by their check value; keys that made nothing are left out.

    A purchase counts on its business day, an engineering token when it was made. Two queries.
    """
    first = today - timedelta(days=DAYS - 1)
    sold = (
        Delivery.objects.filter(vend__business_day__range=(first, today))
        .exclude(check_value="")
        .values_list("check_value", "vend__business_day")
        .annotate(n=Count("id"))
    )
    since = datetime.combine(first, time.min, zone)
    made = EngineeringToken.objects.filter(changed_at__gte=since).exclude(check_value="")
    week, day = Counter[str](), Counter[str]()
    for value, on, number in sold:
        week[value] += number
        day[value] += number if on == today else 0
    for value, at in made.values_list("check_value", "changed_at"):
        week[value] += 1
        day[value] += at.astimezone(zone).date() == today
    return {value: KeyUses(day[value], week[value]) for value in week}
