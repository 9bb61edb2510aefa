"""The labelling loop: choose what people should label, settle what they said, and keep it as a data set with a history.

Needs neither torch nor scikit-learn, so it runs on a base install.
"""
