"""Two people, one form: the member who saves later is shown what changed meanwhile, and loses nothing typed."""
