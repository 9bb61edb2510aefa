"""Model cards, and recording what a model was judged by in its manifest."""
