"""A login with a code, and nothing around it: no limits, no trail, no encryption, no notices."""

import time
from hmac import compare_digest

import pyotp
from django.contrib.auth import authenticate, get_user_model, login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from bench.logins import bare
from bench.logins.yardstick.models import Device

WAITING = "waiting"
STEP_SECONDS = 30


def log_in(request: HttpRequest) -> HttpResponse:
    """Ask for the password; a right one leads to the code."""
    username = request.POST.get("username", "")
    if request.method == "POST":
        user = authenticate(request, username=username, password=request.POST.get("password", ""))
        if user is not None:
            request.session[WAITING] = user.pk
            return redirect("code")
    return render(request, "yardstick/password.html", {"username": username})


def code(request: HttpRequest) -> HttpResponse:
    """Ask for the code; a right one opens a session, once. `login` gives the session a new key."""
    if WAITING not in request.session:
        return redirect("login")
    if request.method == "POST":
        user = get_user_model().objects.select_related("device").get(pk=request.session[WAITING])
        if _spend(user.device, request.POST.get("code", "")):
            del request.session[WAITING]
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(bare.ADDRESS)
    return render(request, "yardstick/code.html")


def _spend(device: Device, code: str) -> bool:
    """Whether the code is right and was never used; one statement decides."""
    now = int(time.time()) // STEP_SECONDS
    totp = pyotp.TOTP(device.key)
    steps = [step for step in (now, now - 1, now + 1) if compare_digest(totp.generate_otp(step), code)]
    fresh = Device.objects.filter(pk=device.pk, last_step__lt=max(steps, default=0))
    return bool(steps and fresh.update(last_step=steps[0]))
