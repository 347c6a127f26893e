from django.urls import path

from notifications.views import assignments, preferences, templates, why

urlpatterns = [
    path("senders/<uuid:pk>/", assignments.sender, name="sender"),
    path("senders/<uuid:pk>/assign/", assignments.assign, name="assign_sender"),
    path("assignments/sentence/", assignments.sentence, name="assignment_sentence"),
    path("assignments/<uuid:pk>/", assignments.change, name="assignment"),
    path("assignments/<uuid:pk>/end/", assignments.end, name="end_assignment"),
    path("why/", why.log, name="why_log"),
    path("why/<uuid:pk>/", why.why, name="why"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("notifications/templates/", templates.templates, name="templates"),
    path("notifications/templates/add/", templates.add_template, name="add_template"),
    path("notifications/templates/preview/", templates.preview, name="preview_template"),
    path("notifications/templates/preview/<str:key>/", templates.frame, name="preview_frame"),
    path("notifications/templates/<uuid:pk>/", templates.change_template, name="change_template"),
    path("notifications/templates/<uuid:pk>/delete/", templates.delete_template, name="delete_template"),
]
