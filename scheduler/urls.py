"""Routes of the application ``scheduler``."""

from django.urls import URLPattern, URLResolver, path

from scheduler import views

app_name = "scheduler"
urlpatterns: list[URLPattern | URLResolver] = [
    path("taches/", views.schedule_list, name="list"),
    path("profils/<int:profile_id>/taches/", views.schedule_list_profile, name="list_profile"),
    path("taches/nouvelle/", views.schedule_new, name="new"),
    path("taches/apercu/", views.schedule_preview, name="preview"),
    path("taches/<int:schedule_id>/", views.schedule_edit, name="edit"),
    path("taches/<int:schedule_id>/pause/", views.schedule_pause, name="pause"),
    path("taches/<int:schedule_id>/reprise/", views.schedule_resume, name="resume"),
    path("taches/<int:schedule_id>/suppression/", views.schedule_delete, name="delete"),
    path("taches/<int:schedule_id>/lancement/", views.schedule_run, name="run"),
]
