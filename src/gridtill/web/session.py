"""Who is asking: the operator's actor, idle time-out, forced steps, language and zone of every request."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.http import urlencode

from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.operations import record_sign_in
from gridtill.apps.staff.queries import admission_of
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.clock import now

OPEN_PREFIXES = ("/healthz", "/readyz", "/login/", "/logout/", "/static/", "/r/", "/language/")
SECOND_FACTOR = "second_factor"
_SEEN = "seen_at"
_LARGEST_ID = 2**63 - 1

View = Callable[..., HttpResponseBase]
Guarded = TypeVar("Guarded", bound=View)


class OperatorSession:
    """Middleware that gives signed-in requests their ``actor``, and sends the others to sign in."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            if request.path.startswith(OPEN_PREFIXES):
                return self.get_response(request)
            return self._to_login(request, "")
        if self._is_idle(request):
            record_sign_in(
                username=user.username,
                outcome=SignInOutcome.IDLE,
                address=request.META.get("REMOTE_ADDR") or None,
                device=request.headers.get("User-Agent", ""),
                at=now(),
            )
            auth.logout(request)
            return self._to_login(request, "idle")
        admission = admission_of(user)
        request.actor = admission.actor
        step = self._forced_step(request, second_factor_required=admission.second_factor_required)
        # Only the step itself is open: a password must not be changed before the second factor was given.
        if step and not request.path.startswith((step, *OPEN_PREFIXES)):
            return redirect(step)
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        request.utility = utility_settings()
        with timezone.override(request.utility.zone):
            return self.get_response(request)

    @staticmethod
    def _to_login(request: HttpRequest, why: str) -> HttpResponse:
        query = {"next": request.get_full_path()} if request.method == "GET" else {}
        if why:
            query["why"] = why
        target = f"{settings.LOGIN_URL}?{urlencode(query)}"
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return redirect(target)

    @staticmethod
    def _is_idle(request: HttpRequest) -> bool:
        at = int(time.time())
        seen = request.session.get(_SEEN, at)
        # Once a minute is enough to know, and spares a write on every request.
        # A page that asks by itself is nobody at the desk.
        attended = "X-Unattended" not in request.headers
        if _SEEN not in request.session or (attended and at - seen > 60):
            request.session[_SEEN] = at
        return bool(at - seen > settings.IDLE_TIMEOUT_S)

    @staticmethod
    def _forced_step(request: Any, *, second_factor_required: bool) -> str:
        user = request.user
        # Who set a factor up is asked for it before anything else, whether or not their role requires one.
        has_one = request.session.get(SECOND_FACTOR)
        if has_one and not user.is_verified():
            return "/second-factor/"
        if user.must_change_password:
            return "/password/"
        if second_factor_required and not user.is_verified():
            return "/second-factor/"
        return ""


def needs(*permissions: str) -> Callable[[Guarded], Guarded]:
    """Guard a view: the actor must hold one of the permissions, else 403."""

    def guard(view: Guarded) -> Guarded:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            if not any(request.actor.may(permission) for permission in permissions):
                raise PermissionDenied
            if any(isinstance(number, int) and number > _LARGEST_ID for number in kwargs.values()):
                raise Http404
            try:
                return view(request, *args, **kwargs)
            except NotAllowed as error:
                # An operation found out what the page could not know beforehand.
                raise PermissionDenied from error

        return cast("Guarded", guarded)

    return guard
