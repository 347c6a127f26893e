from django.urls import path, re_path

from senderid.views import access, countries, organization, senders
from tenants.urls import ONE

urlpatterns = [
    path("senders/", senders.senders, name="senders"),
    path("senders/add/", senders.add_sender, name="add_sender"),
    path("senders/sentence/", senders.sentence, name="sender_sentence"),
    path("senders/<uuid:pk>/edit/", senders.change_sender, name="change_sender"),
    path("senders/<uuid:pk>/history/", senders.history, name="sender_history"),
    path("senders/<uuid:pk>/countries/", countries.countries_of_sender, name="sender_countries"),
    path("senders/<uuid:pk>/countries/<str:code>/", countries.country_of_sender, name="sender_country"),
    path("countries/", countries.countries, name="countries"),
    path("countries/<str:code>/", countries.country, name="country"),
    path("people/<uuid:pk>/", access.member, name="member"),
    path("people/<uuid:pk>/away/", access.add_absence, name="add_absence"),
    path("absences/", access.absences, name="absences"),
    path("absences/<uuid:pk>/end/", access.end_absence, name="end_absence"),
    path("assignees/<uuid:pk>/order/", access.order, name="order"),
    re_path(f"^{ONE}$", access.group, name="group"),
    path("settings/", organization.settings, name="settings"),
    path("settings/accounts/", organization.accounts, name="accounts"),
    path("settings/accounts/<uuid:pk>/token/", organization.change_token, name="change_token"),
]
