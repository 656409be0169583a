"""The buckets of failures, which support may add to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from midsync_portal import failures
from midsync_portal.models import FailureBucket


class BucketForm(forms.ModelForm):
    """A bucket; exactly one may be without patterns."""

    class Meta:
        model = FailureBucket
        fields = ("name", "position", "patterns", "sentence", "next_step")

    def clean_patterns(self) -> str:
        """Patterns long enough to mean something; the bucket for the rest keeps none."""
        text: str = self.cleaned_data["patterns"].strip()
        is_rest = bool(self.instance.pk) and not self.instance.patterns.strip()
        if is_rest and text:
            raise forms.ValidationError("This one is for all others: it has no patterns.")
        if not is_rest and not text:
            raise forms.ValidationError("Write at least one pattern.")
        if any(0 < len(line.strip()) < 3 for line in text.splitlines()):
            raise forms.ValidationError("A pattern of one or two characters would fit anything.")
        return text


@admin.register(FailureBucket)
class FailureBucketAdmin(admin.ModelAdmin):
    """How reasons are recognised and told; used by every process within half a minute."""

    form = BucketForm
    list_display = ("name", "position", "sentence", "next_step")
    ordering = ("position", "pk")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and use it here at once."""
        super().save_model(request, obj, form, change)
        failures.forget()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a bucket is emptied of patterns by editing them, never lost."""
        return False
