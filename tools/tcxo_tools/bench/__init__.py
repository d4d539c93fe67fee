"""How good the estimators are and what they cost: ``python -m tcxo_tools.bench``."""
