from django.db import models

from gridtill.apps.assets.models import Meter
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.models.vends import Vend


class EngineeringToken(models.Model):
    """
    A token, or the set of a key change, that sets or tests a meter; no money moves by it.

    Those that were asked for together share a ``batch``. ``meter_security`` are the key data that
    the digits were made with, ``new_security`` those that a key change leads to.
    """

    id = models.UUIDField(primary_key=True, help_text="The issuer knows the request by it.")
    batch = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=16, choices=EngineeringKind)
    state = models.CharField(max_length=10, choices=EngineeringState)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="engineering_tokens", db_index=False)
    value = models.BigIntegerField(default=0, help_text="Watts, a register, or control bits.")
    carried_value = models.BigIntegerField(null=True, help_text="The value as the token's format has it.")
    reason = models.CharField(max_length=300)
    with_next_purchase = models.BooleanField(default=False)
    vend = models.ForeignKey(Vend, models.PROTECT, null=True, related_name="key_changes")
    meter_security = models.JSONField(null=True)
    new_security = models.JSONField(null=True)
    base_date = models.PositiveSmallIntegerField(null=True)
    token_identifier = models.BigIntegerField(null=True)
    since_identifier = models.BigIntegerField(
        null=True, help_text="First identifier, from the new base date, that is made under the new key."
    )
    random = models.PositiveSmallIntegerField(default=0)
    digits = models.CharField(max_length=120, blank=True, help_text="In the order to be keyed in, a blank between.")
    check_value = models.CharField(max_length=12, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_index=True)
    decided_by = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, help_text="When somebody said that the meter took it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "base_date", "token_identifier"],
                condition=models.Q(token_identifier__isnull=False),
                name="engineering_identifier_once",
            ),
            models.UniqueConstraint(
                fields=["meter"],
                condition=models.Q(
                    kind="KEY_CHANGE", state__in=["REQUESTED", "WAITING", "APPROVED", "DISPATCHED", "UNKNOWN", "FAILED"]
                ),
                name="one_key_change_under_way",
            ),
        ]
        indexes = [models.Index(fields=["meter", "requested_at"], name="engineering_of_meter")]

    def __str__(self) -> str:
        return f"{self.kind} {self.meter_id} {self.state}"

    @property
    def tokens(self) -> list[str]:
        """The digits, a token each, in the order to be keyed in."""
        return self.digits.split()
