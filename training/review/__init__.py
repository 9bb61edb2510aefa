"""The labelling loop: choose texts to label, settle the labels, and keep them as a versioned data set.

It needs neither torch nor scikit-learn, so it runs on a base install.
"""
