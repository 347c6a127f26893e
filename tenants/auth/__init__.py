"""How people sign in, where requests come from, and what every response says to browsers and caches."""
