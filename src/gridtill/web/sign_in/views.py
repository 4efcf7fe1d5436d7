"""The pages between a person and their work: sign-in, second factor, password."""

from __future__ import annotations

from typing import Any

import segno
from axes.helpers import get_failure_limit
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import auth, messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.operations import change_own_password, record_sign_in
from gridtill.apps.staff.queries import has_second_factor
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.session import SECOND_FACTOR
from gridtill.web.sign_in.forms import CodeForm, LoginForm, PasswordForm


@never_cache
@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        username = form.cleaned_data["username"].strip().lower()
        operator = auth.authenticate(request, username=username, password=form.cleaned_data["password"])
        if operator is not None:
            # A new session key, so that one seen before signing in is worth nothing.
            auth.login(request, operator)
            request.session[SECOND_FACTOR] = has_second_factor(operator)
            _note(request, username, SignInOutcome.OK)
            return redirect(_next(request))
        locked = bool(getattr(request, "axes_locked_out", False))
        _note(request, username, SignInOutcome.LOCKED if locked else SignInOutcome.WRONG)
        form.add_error("password", _refusal(request, username, locked=locked))
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "idle": request.GET.get("why") == "idle", "next": _next(request)}
    return render(request, "sign_in/login.html", context, status=status)


def _refusal(request: HttpRequest, username: str, *, locked: bool) -> str:
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    if locked:
        return _("Too many wrong tries. Wait %(minutes)s minutes, or ask your supervisor.") % {"minutes": minutes}
    tries = AccessAttempt.objects.filter(username=username).aggregate(tries=Sum("failures_since_start"))["tries"] or 0
    left = max(1, get_failure_limit(request, None) - tries)
    return ngettext(
        "User name or password is wrong. %(left)s try left before a %(minutes)s-minute lock.",
        "User name or password is wrong. %(left)s tries left before a %(minutes)s-minute lock.",
        left,
    ) % {"left": left, "minutes": minutes}


def locked_out(_request: HttpRequest, response: HttpResponse, _credentials: object) -> HttpResponse:
    """Let the sign-in page itself tell of the lock."""
    return response


def _note(request: HttpRequest, username: str, outcome: SignInOutcome) -> None:
    record_sign_in(
        username=username,
        outcome=outcome,
        address=request.META.get("REMOTE_ADDR") or None,
        device=request.headers.get("User-Agent", ""),
        at=now(),
    )


def _next(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or "/"
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else "/"


def logout(request: Any) -> HttpResponse:
    if request.method == "POST" and request.user.is_authenticated:
        _note(request, request.user.username, SignInOutcome.SIGNED_OUT)
        auth.logout(request)
    return redirect("login")


@never_cache
@sensitive_post_parameters()
def password(request: Any) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            operator = change_own_password(
                operator_id=request.user.pk,
                old=form.cleaned_data["old_password"],
                new=form.cleaned_data["new_password"],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            form.add_error(refusal.field, refusal.message)
        else:
            auth.update_session_auth_hash(request, operator)
            messages.success(request, _("Your password was changed."))
            return redirect("/")
    context = {"form": form, "forced": request.user.must_change_password}
    return render(request, "sign_in/password.html", context, status=422 if form.errors else 200)


def _unconfirmed(operator: Any) -> TOTPDevice:
    """Return the authenticator that an operator is setting up; two pages that were opened at once may have made two."""
    device = TOTPDevice.objects.filter(user=operator, confirmed=False).order_by("pk").first()
    return device or TOTPDevice.objects.create(user=operator, confirmed=False, name="authenticator")


@never_cache
def second_factor(request: Any) -> HttpResponse:
    """Set the second factor up the first time, ask for it afterwards."""
    confirmed = TOTPDevice.objects.devices_for_user(request.user, confirmed=True).first()
    device = confirmed or _unconfirmed(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if device.verify_token(form.cleaned_data["code"].replace(" ", "")):
            device.confirmed = True
            device.save()
            otp_login(request, device)
            request.session[SECOND_FACTOR] = True
            return redirect("/")
        _note(request, request.user.username, SignInOutcome.SECOND_FACTOR)
        form.add_error("code", _("This code is not right, or too old. Enter the newest one."))
    picture = "" if confirmed else segno.make(device.config_url).svg_data_uri(scale=5, border=2)
    context = {"form": form, "picture": picture}
    return render(request, "sign_in/second_factor.html", context, status=422 if form.errors else 200)
