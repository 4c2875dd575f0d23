"""Routes of the application ``sync``: dashboard, synchronisation of a profile, runs, items, matching."""

from django.urls import URLPattern, URLResolver, path

from sync import api, live
from sync.views import actions, certificates, dashboard, hooks, items, match, orders, profile, runs

app_name = "sync"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("hooks/<slug:token>/", hooks.hook, name="hook"),
    path("en-cours/", dashboard.running, name="running"),
    path("journaux/", runs.run_list, name="run_list"),
    path("journaux/<int:run_id>/", runs.run, name="run"),
    path("journaux/<int:run_id>/avancement/", runs.run_progress, name="run_progress"),
    path("journaux/<int:run_id>/lignes/", runs.run_lines, name="run_lines"),
    path("journaux/<int:run_id>/lignes/<int:entry_id>/", runs.run_entry, name="run_entry"),
    path("journaux/<int:run_id>/journal.txt", runs.run_journal, {"kind": "txt"}, name="run_journal_txt"),
    path("journaux/<int:run_id>/journal.csv", runs.run_journal, {"kind": "csv"}, name="run_journal_csv"),
    path("journaux/<int:run_id>/journal.xlsx", runs.run_journal, {"kind": "xlsx"}, name="run_journal_xlsx"),
    path("journaux/<int:run_id>/direct/", live.run_events, name="run_events"),
    path("journaux/<int:run_id>/etat.json", api.run_state, name="run_state"),
    path("journaux/<int:run_id>/arreter/", actions.run_stop, name="run_stop"),
    path("journaux/<int:run_id>/renvoyer/", actions.run_retry, name="run_retry"),
    path("journaux/<int:run_id>/relancer/", actions.run_again, name="run_again"),
    path("profils/<int:profile_id>/synchronisation/", profile.sync, name="sync"),
    path("profils/<int:profile_id>/notifications/verifier/", actions.hooks_check, name="hooks_check"),
    path("profils/<int:profile_id>/notifications/recreer/", actions.hooks_recreate, name="hooks_recreate"),
    path("profils/<int:profile_id>/lancer/", actions.run_start, name="run_start"),
    path("profils/<int:profile_id>/apercu/<str:flow>/", profile.preview_new, name="preview_new"),
    path("profils/<int:profile_id>/relire/<str:flow>/", profile.resend_new, name="resend_new"),
    path("profils/<int:profile_id>/relire/<str:flow>/lancer/", actions.resend_since, name="resend_since"),
    path("profils/<int:profile_id>/journaux/", runs.run_list_profile, name="run_list_profile"),
    path("profils/<int:profile_id>/rapprochement/", match.match, name="match"),
    path("profils/<int:profile_id>/rapprochement/valider/", match.match_validate, name="match_validate"),
    path("profils/<int:profile_id>/rapprochement/choisir/", match.match_choose, name="match_choose"),
    path("profils/<int:profile_id>/elements/<str:entity>/<path:key>/rompre/", items.item_forget, name="item_forget"),
    path("profils/<int:profile_id>/elements/<str:entity>/<path:key>/", items.item, name="item"),
    path("profils/<int:profile_id>/certificat/", certificates.certificate_list, name="certificate_list"),
    path("profils/<int:profile_id>/certificat/etablir/", certificates.certificate_make, name="certificate_make"),
    path("profils/<int:profile_id>/certificat/<int:certificate_id>/", certificates.certificate, name="certificate"),
    path(
        "profils/<int:profile_id>/certificat/<int:certificate_id>/export.csv",
        certificates.certificate_csv,
        name="certificate_csv",
    ),
    path("profils/<int:profile_id>/commandes/", orders.order_find, name="order_find"),
    path("profils/<int:profile_id>/commandes-reinitialiser/", orders.orders_reset, name="orders_reset"),
    path("profils/<int:profile_id>/commandes/<str:key>/", orders.order, name="order"),
    path("profils/<int:profile_id>/commandes/<str:key>/traitee/", orders.order_settle, name="order_settle"),
    path("profils/<int:profile_id>/commandes/<str:key>/importer/", orders.order_import, name="order_import"),
]
