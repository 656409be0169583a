"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from .operations import customer_notice, operator_problems


def portal(request: HttpRequest) -> dict[str, Any]:
    """`is_simulated`: whether the portal talks to a simulator; `operator_problem`, for staff;
    `customer_notice`, asked for by the pages on which one orders.
    """
    user = getattr(request, "user", None)
    problems = operator_problems() if user and user.is_staff else []
    return {
        "is_simulated": settings.MIDSYNC_IS_SIMULATED,
        "operator_problem": " ".join(problems),
        "customer_notice": customer_notice,
    }
