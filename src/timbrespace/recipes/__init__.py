"""Recipes: one commented TOML each, found by name."""
