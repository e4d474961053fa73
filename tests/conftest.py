from hypothesis import settings

# Deterministic, so that a failure is the code's and not the day's; no database, so that no run depends on the one before.
settings.register_profile("musicvae", derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile("musicvae")
