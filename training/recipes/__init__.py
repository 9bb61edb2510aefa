"""Recipes: files that say how a model is made, stage by stage, and running them."""
