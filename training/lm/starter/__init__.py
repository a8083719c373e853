"""The starter model: a tiny support assistant of a made-up shop, its world, corpus and training."""
