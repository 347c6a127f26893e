from django.urls import path, re_path

from tenants.views import developers, groups, people

GROUP = r"people/(?P<kind>profiles|teams)/"
ONE = GROUP + r"(?P<pk>[0-9a-fA-F-]{36})/"

urlpatterns = [
    path("people/", people.people, name="people"),
    path("people/add/", people.add_member, name="add_member"),
    path("people/me/", people.me, name="me"),
    path("people/<uuid:pk>/edit/", people.change_member, name="change_member"),
    path("people/<uuid:pk>/invite/", people.invite_again, name="invite_again"),
    path("people/<uuid:pk>/withdraw/", people.withdraw, name="withdraw_invitation"),
    path("people/<uuid:pk>/back/", people.bring_back, name="bring_back"),
    re_path(f"^{GROUP}$", groups.groups, name="groups"),
    re_path(f"^{ONE}rename/$", groups.rename, name="rename_group"),
    re_path(f"^{ONE}place/$", groups.place, name="place_in_group"),
    re_path(f"^{ONE}delete/$", groups.delete, name="delete_group"),
    path("developers/", developers.developers, name="developers"),
    path("developers/<uuid:pk>/revoke/", developers.revoke, name="revoke_key"),
]
