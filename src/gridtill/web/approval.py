"""A second person's word, given at the same desk with their own name and password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import auth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.operations import record_sign_in
from gridtill.apps.staff.queries import actor_of
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import now
from gridtill.kernel.errors import InvalidValue


class ApprovalForm(forms.Form):
    """The fields of whoever agrees; a form that may need them inherits from this."""

    approver = forms.CharField(
        label=gettext_lazy("Supervisor's user name"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    approver_password = forms.CharField(
        label=gettext_lazy("Supervisor's password"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    approver_code = forms.CharField(
        label=gettext_lazy("Code of the supervisor's second factor, if they have one"),
        max_length=10,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


def _note(request: Any, username: str, outcome: SignInOutcome) -> None:
    """Keep a wrong try where the person whose name it was will see it."""
    record_sign_in(
        username=username.strip().lower()[:60],
        outcome=outcome,
        address=request.META.get("REMOTE_ADDR") or None,
        device=request.headers.get("User-Agent", ""),
        at=now(),
    )


def approver_of(request: Any, form: forms.Form) -> Actor:
    """
    Return the person who agreed, after checking that it is they.

    Wrong tries count towards the lockout of that person, as they do at sign-in.

    :raises InvalidValue: naming the field that is wrong; nothing else is told
    """
    data = form.cleaned_data
    operator: Any = auth.authenticate(
        request, username=data["approver"].strip().lower(), password=data["approver_password"]
    )
    if operator is None:
        locked = bool(getattr(request, "axes_locked_out", False))
        _note(request, data["approver"], SignInOutcome.LOCKED if locked else SignInOutcome.WRONG)
        raise InvalidValue(_("This name and password do not go together. Nothing was changed."), field="approver")
    if operator.must_change_password:
        raise InvalidValue(
            _("This person has to choose a password of their own first. Nothing was changed."), field="approver"
        )
    device = TOTPDevice.objects.devices_for_user(operator, confirmed=True).first()
    if device is not None and not device.verify_token(data["approver_code"].replace(" ", "")):
        _note(request, data["approver"], SignInOutcome.SECOND_FACTOR)
        raise InvalidValue(_("This code is not right, or too old. Nothing was changed."), field="approver_code")
    if device is None and operator.role.second_factor_required:
        raise InvalidValue(
            _("This person has to set up their second factor first. Nothing was changed."), field="approver"
        )
    return actor_of(operator)
