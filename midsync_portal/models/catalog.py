"""The last good copy of MidSync's list of models, and what operators say about offering them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .people import Customer


class CatalogCopy(models.Model):
    """What GET /unified-video/models last answered, as received; a single row (pk 1)."""

    raw = models.TextField()
    fetched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "catalog copies"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="catalog_single_row")]

    def __str__(self) -> str:
        return f"models as of {self.fetched_at:%Y-%m-%d %H:%M}"


class ModelOffer(models.Model):
    """What operators decided about one model; a model without a row is offered to everybody.

    It only narrows: what MidSync does not list cannot be offered by a row. Tasks that were
    ordered before go on whatever it says.
    """

    class To(models.TextChoices):
        EVERYBODY = "everybody", _("everybody")
        NAMED = "named", _("only these customers")
        NOBODY = "nobody", _("nobody")

    video_model = models.CharField(_("model"), max_length=100, unique=True)
    offered_to = models.CharField(max_length=10, choices=To, default=To.EVERYBODY)
    customers = models.ManyToManyField(
        Customer, blank=True, related_name="+", help_text=_("Who may order it, where not all do.")
    )
    place = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=_("Models with a number come first, the lowest at the top. Empty: as usual."),
    )
    note = models.CharField(
        max_length=200, blank=True, help_text=_("Customers read it under the model. Plain text.")
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["video_model"]
        verbose_name = _("offer of a model")
        verbose_name_plural = _("offers of models")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offered_to__in=["everybody", "named", "nobody"]),
                name="offer_to_known",
            )
        ]

    def __str__(self) -> str:
        return self.video_model
