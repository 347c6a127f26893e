"""Pictures and other files of messages: read from the webhook, fetched by a job, stored privately."""
