"""What a customer's template may say, and how it is rendered within limits. Imports neither Django nor the rest."""
