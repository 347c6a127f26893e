"""A stand-in for the SMS carrier and the mail server. It knows nothing of the product's own code."""
