"""People: users log in by e-mail; a customer is a team of them; tasks belong to the customer."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """Makes users; e-mail addresses are unique without regard to case."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A user who can log in once allauth has a verified address for them."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A user with every right."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of an e-mail address, in any spelling of its case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Members of a customer order videos; staff (support) need no membership."""

    email = models.EmailField("e-mail", max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("support", default=False)
    date_joined = models.DateTimeField(auto_now_add=True)
    language = models.CharField(max_length=10, blank=True, help_text="as chosen; empty: never")
    tells_by_email = models.BooleanField("e-mail when a task ends", default=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """The name to show; the address where none was given."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """As `get_full_name`."""
        return self.get_full_name()


class Customer(models.Model):
    """A team that orders videos and pays points for them."""

    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="customers")
    # What operators grant this team.
    tasks_a_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="orders within a minute; empty: SUBMIT_RATE"
    )
    open_tasks = models.PositiveIntegerField(
        null=True, blank=True, help_text="tasks that have not ended; empty: OPEN_TASKS_MAX"
    )
    points_a_day = models.PositiveIntegerField(
        null=True, blank=True, help_text="UTC days; 0: no limit; empty: DAILY_POINTS_MAX"
    )

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q((f"{name}__gte", 1)),  # or empty
                name=f"customer_{name}_from_1",
                violation_error_message="At least 1, or nothing.",
            )
            for name in ("tasks_a_minute", "open_tasks")
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """That a user belongs to a customer, and as what."""

    class Role(models.TextChoices):
        OWNER = "owner", "owner"
        MEMBER = "member", "member"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "customer"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "member"]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.customer} as {self.role}"
