"""Routes: accounts, the pages of each application, and the probes of the host."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from atoosync import probes

urlpatterns = [
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("", include("profiles.urls")),
    path("", include("sync.urls")),
    path("", include("billing.urls")),
    path("", include("scheduler.urls")),
]
