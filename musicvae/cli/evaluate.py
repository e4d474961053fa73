"""``musicvae evaluate``: placeholder."""


def add_commands(c):
    pass
