"""What the yardstick stores of a person's authenticator."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Device(models.Model):
    """A key, and the time step of its newest code that was accepted."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="device")
    key = models.CharField(max_length=32)
    last_step = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager["Device"]] = models.Manager()

    class Meta:
        app_label = "yardstick"

    def __str__(self) -> str:
        return f"device {self.pk}"
