from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.choices import Permission, SignInOutcome


class Role(models.Model):
    """A named set of permissions that an administrator may change."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    second_factor_required = models.BooleanField(default=False)
    is_administrator = models.BooleanField(
        default=False, help_text="Holds every permission; one active operator with such a role must always remain."
    )
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class RolePermission(models.Model):
    """One tick of the permission matrix."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="permissions")
    permission = models.CharField(max_length=40, choices=Permission)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="role_permission_once")]

    def __str__(self) -> str:
        return f"{self.role_id}:{self.permission}"


class OperatorManager(BaseUserManager["Operator"]):
    def get_by_natural_key(self, username: str | None) -> "Operator":
        # Exactly, and not by the database's idea of upper case: that takes other letters for the same, each of
        # which would have tries of its own before a lock.
        return self.get(username=(username or "").lower())


class Operator(AbstractBaseUser):
    """A person who signs in; bounded to one organization unit and all below it."""

    username = models.CharField(max_length=60, unique=True)
    full_name = models.CharField(max_length=120)
    role = models.ForeignKey(Role, models.PROTECT, related_name="operators")
    unit = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="operators")
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, default="en")
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=0)

    objects = OperatorManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = []

    def __str__(self) -> str:
        return self.full_name or self.username


class SignIn(models.Model):
    """One attempt to sign in, kept so that people can see their own."""

    operator = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="sign_ins")
    username = models.CharField(max_length=60)
    at = models.DateTimeField(db_index=True)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=16, choices=SignInOutcome)

    def __str__(self) -> str:
        return f"{self.username} {self.outcome} {self.at:%Y-%m-%d %H:%M}"
