"""Where django-eventstream is asked."""

import django_eventstream
from django.urls import include, path

urlpatterns = [
    path("events/", include(django_eventstream.urls)),
    path("", include("midsync_portal.urls")),
]
