"""Routes of the application ``billing``."""

from django.urls import URLPattern, URLResolver, path

from billing import views

app_name = "billing"
urlpatterns: list[URLPattern | URLResolver] = [
    path("unites/", views.overview, name="overview"),
    path("unites/creditation/", views.booking, name="booking"),
]
