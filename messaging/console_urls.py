from django.urls import path, re_path

from messaging.views import campaigns, ending, explain, opt_outs, programs, queue

ACT = r"^campaigns/(?P<pk>[0-9a-fA-F-]{36})/(?P<what>start|pause|resume)/$"
END = r"^senders/(?P<pk>[0-9a-fA-F-]{36})/(?P<to>suspended|retired|active)/$"

urlpatterns = [
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/add/", campaigns.add_campaign, name="add_campaign"),
    path("campaigns/sample/", campaigns.sample, name="campaign_sample"),
    path("campaigns/<uuid:pk>/", campaigns.campaign, name="campaign"),
    path("campaigns/<uuid:pk>/edit/", campaigns.change_campaign, name="change_campaign"),
    path("campaigns/<uuid:pk>/report/", campaigns.report, name="campaign_report"),
    path("campaigns/<uuid:pk>/progress/", campaigns.progress, name="campaign_progress"),
    path("campaigns/<uuid:pk>/cancel/", campaigns.cancel, name="cancel_campaign"),
    re_path(ACT, campaigns.act, name="campaign_act"),
    path("programs/", programs.programs, name="programs"),
    path("programs/add/", programs.add_program, name="add_program"),
    path("programs/sentence/", programs.sentence, name="program_sentence"),
    path("programs/<uuid:pk>/", programs.program, name="program"),
    path("programs/<uuid:pk>/edit/", programs.change_program, name="change_program"),
    path("explain/", explain.explain, name="explain"),
    path("opt-outs/", opt_outs.opt_outs, name="opt_outs"),
    path("opt-outs/<uuid:pk>/remove/", opt_outs.remove, name="remove_opt_out"),
    path("people/<uuid:pk>/deactivate/", ending.deactivate, name="deactivate"),
    path("senders/<uuid:pk>/queue/", queue.sender_queue, name="sender_queue"),
    re_path(END, ending.end_sender, name="end_sender"),
]
