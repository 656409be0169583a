"""Users, their second factors, customers. Only superusers change people and give rights."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from midsync_portal.live.access import end_sessions
from midsync_portal.models import Customer, Membership, User
from midsync_portal.people import has_another_account, may_operate, take_address_along

from .evidence import Filtered, ReadOnly

LIMITS = ("tasks_a_minute", "open_tasks", "points_a_day")

# The groups and their rights are the code's (people.py), made anew by every `migrate`.
admin.site.unregister(Group)
admin.site.unregister(Authenticator)


class MembershipInline(admin.TabularInline):
    """Who belongs to a customer, or where a user belongs."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user", "customer")


class PersonForm(UserChangeForm):
    """A person, whose address nobody else has."""

    def clean_email(self) -> str:
        """In lower case, as it is kept. Raises ValidationError where another account has it."""
        email: str = self.cleaned_data["email"].lower()
        if has_another_account(email, self.instance):
            raise ValidationError("Another account has this address.")
        return email


@admin.register(User)
class UserAdmin(Filtered, DjangoUserAdmin):
    """People; only a superuser changes them."""

    form = PersonForm
    list_display = ("email", "name", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("date_joined", "last_login")
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Times", {"fields": ("date_joined", "last_login")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A changed address is what its person logs in by, from now on and anew."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            take_address_along(obj)
            end_sessions(obj, but=request.session.session_key)  # who changes their own stays

    def has_add_permission(self, request: HttpRequest) -> bool:
        """`add_customer` and `add_support` make people with a verified address."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: tasks and history name people. Deactivate instead."""
        return False


@admin.register(Customer)
class CustomerAdmin(Filtered):
    """Teams and their members, changed by superusers; operators set their limits."""

    list_display = ("name", *LIMITS, "created_at")
    search_fields = ("name",)
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("name",)}),
        ("How much they may order", {"fields": LIMITS}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name is not an operator's to change."""
        return () if request.user.is_superuser else ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators, for the limits; superusers."""
        return may_operate(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


@admin.register(Authenticator)
class SecondFactorAdmin(ReadOnly, Filtered):
    """Who has which second factor, without its secret. Removing one lets its person set up anew."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers, for whoever has lost a phone or a key."""
        return bool(request.user.is_active and request.user.is_superuser)
