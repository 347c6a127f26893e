"""Inbox, contacts, quarantine. Campaigns and programs: `messaging.console_urls`."""

from django.urls import path

from messaging.views import composer, contacts, inbox, media, possible_opt_outs, quarantine

urlpatterns = [
    path("", inbox.home, name="home"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/list", inbox.rows, name="inbox_list"),
    path("inbox/rail", inbox.rail, name="inbox_rail"),
    path("inbox/filters", inbox.filters, name="inbox_filters"),
    path("inbox/palette", inbox.palette, name="palette"),
    path("inbox/live-token", inbox.live_token, name="live_token"),
    path("inbox/new", composer.new, name="new_text"),
    path("inbox/compose/preview", composer.preview, name="compose_preview"),
    path("inbox/drafts", composer.draft, name="save_draft"),
    path("inbox/<uuid:pk>/", inbox.inbox, name="conversation"),
    path("inbox/<uuid:pk>/thread", inbox.thread, name="thread"),
    path("inbox/<uuid:pk>/composer", composer.composer, name="composer"),
    path("inbox/<uuid:pk>/send", composer.send, name="send"),
    path("inbox/<uuid:pk>/assign", inbox.assign, name="assign"),
    path("inbox/<uuid:pk>/status", inbox.status, name="status"),
    path("inbox/<uuid:pk>/possible-opt-out", possible_opt_outs.decide, name="possible_opt_out"),
    path("inbox/<uuid:pk>/read", inbox.read, name="read"),
    path("inbox/<uuid:pk>/tags", inbox.tags, name="tags"),
    path("inbox/<uuid:pk>/cancel/<uuid:message_pk>", composer.cancel, name="cancel_text"),
    path("media/<uuid:pk>/", media.media, name="media"),
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/add/", contacts.add, name="add_contact"),
    path("contacts/<uuid:pk>/", contacts.contact, name="contact"),
    path("contacts/<uuid:pk>/edit/", contacts.change, name="change_contact"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/<uuid:pk>/replay/", quarantine.replay, name="replay"),
]
