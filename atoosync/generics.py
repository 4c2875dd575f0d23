"""Lets ``ModelForm[User]`` be written: generic for the stubs, not yet subscriptable in Django 5.2."""

from django.contrib.admin import options
from django.forms import models
from django.forms.formsets import BaseFormSet
from django.views import generic

SUBSCRIPTED: tuple[type, ...] = (
    models.BaseModelForm,
    models.ModelChoiceField,
    models.BaseModelFormSet,
    BaseFormSet,
    options.BaseModelAdmin,
    generic.FormView,
    generic.ListView,
    generic.DetailView,
    generic.CreateView,
    generic.UpdateView,
    generic.DeleteView,
)


def _unchanged(cls: type, *_: object) -> type:
    return cls


def allow() -> None:
    """Makes subscription answer the class itself; may be called twice, leaves classes that already answer alone."""
    for cls in SUBSCRIPTED:
        if not hasattr(cls, "__class_getitem__"):
            cls.__class_getitem__ = classmethod(_unchanged)  # type: ignore[attr-defined]
