from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from messaging import programs
        from senderid.assignment import assigning

        assigning.connect(programs.refuse_taken_keywords, dispatch_uid="program keywords")
