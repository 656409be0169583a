"""The one Django app of the portal."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class PortalAdminConfig(AdminConfig):
    """Django's admin with our own site, which asks for a second factor."""

    default_site = "midsync_portal.admin_site.PortalAdminSite"


class PortalConfig(AppConfig):
    """Models, views and commands of the portal."""

    name = "midsync_portal"
    verbose_name = "Midsync Portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks that name a wrong setting, and what follows a log-out."""
        from . import checks, languages, people, reports_to_sentry, second_factor  # noqa: F401
        from .live import access  # noqa: F401

        post_migrate.connect(people.make_groups, sender=self)
        reports_to_sentry.begin()
