"""The subcommands of tcxo-dump, a module each; heavy imports happen inside their ``main``."""
