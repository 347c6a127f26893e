from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from messaging import programs
        from senderid.assignment import assigning
        from senderid.provisioning import changing

        assigning.connect(programs.refuse_taken_keywords, dispatch_uid="program keywords")
        changing.connect(programs.refuse_deaf_sender, dispatch_uid="program senders")
