"""Routes of the application ``profiles``."""

from django.urls import URLPattern, URLResolver, path

from profiles.urls_account import urlpatterns as account_urls
from profiles.views import options, profiles, wizard

app_name = "profiles"
urlpatterns: list[URLPattern | URLResolver] = [
    *account_urls,
    path("profils/", profiles.profile_list, name="list"),
    path("profils/nouveau/", wizard.wizard, name="wizard"),
    path("profils/<int:profile_id>/", profiles.profile, name="profile"),
    path("profils/<int:profile_id>/renommer/", profiles.profile_rename, name="profile_rename"),
    path("profils/<int:profile_id>/dupliquer/", profiles.profile_duplicate, name="profile_duplicate"),
    path("profils/<int:profile_id>/defaut/", profiles.profile_default, name="profile_default"),
    path("profils/<int:profile_id>/supprimer/", profiles.profile_remove, name="profile_remove"),
    path("profils/<int:profile_id>/profil.yaml", profiles.profile_export, name="profile_export"),
    path("profils/<int:profile_id>/reglages/", profiles.settings_start, name="settings_start"),
    path("profils/<int:profile_id>/reglages/<str:section>/", options.settings, name="settings"),
    path("profils/<int:profile_id>/connexion/<str:side>/tester/", options.connection_test, name="connection_test"),
    path("profils/<int:profile_id>/listes/<str:side>/actualiser/", options.lists_refresh, name="lists_refresh"),
    path("profils/<int:profile_id>/historique/", options.history, name="profile_history"),
    path(
        "profils/<int:profile_id>/historique/<int:revision_id>/restaurer/",
        options.history_restore,
        name="profile_history_restore",
    ),
]
