"""Pages under /accounts/: exactly those that are needed. allauth brings many more, each a way in."""

from allauth.account import views
from allauth.mfa import urls as mfa
from django.urls import include, path, re_path

from tenants.views.accounts import nothing, switch
from tenants.views.invitations import invitation

RESET = "password/reset/"

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),  # the 2fa pages ask for it
    path("password/change/", views.password_change, name="account_change_password"),
    path(RESET, views.password_reset, name="account_reset_password"),
    path(f"{RESET}done/", views.password_reset_done, name="account_reset_password_done"),
    path(
        f"{RESET}key/done/", views.password_reset_from_key_done, name="account_reset_password_from_key_done"
    ),
    re_path(
        f"^{RESET}key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("2fa/", include(mfa)),
    path("invitations/<str:secret>/", invitation, name="invitation"),
    path("organization/", switch, name="switch_organization"),
    # Named by allauth's code, open to nobody.
    path("signup/", nothing, name="account_signup"),
    path("email/", nothing, name="account_email"),
    path("password/set/", nothing, name="account_set_password"),
    path("confirm-email/", nothing, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", nothing, name="account_confirm_email"),
    path("login/code/confirm/", nothing, name="account_confirm_login_code"),
]
